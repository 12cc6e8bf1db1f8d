"""What the generated market lists: any BASE/QUOTE, with a price and units like Binance's."""

from dataclasses import dataclass

from include.errors import Misconfigured
from include.simulator.noise import stream
from include.simulator.symbols import WIRE_DECIMALS, Symbol

# Round values of late 2025, in US dollars; any other asset gets one from its name.
USD_PRICES = {
    "USDT": 1.0, "USDC": 1.0, "FDUSD": 1.0, "BTC": 90_000.0, "ETH": 3_500.0, "BNB": 900.0,
    "SOL": 180.0, "XRP": 2.5, "ADA": 0.8, "DOGE": 0.2, "LRC": 0.1, "EUR": 1.15,
}  # fmt: skip
TRADE_USD = 1_000.0  # mean size of an aggregate trade
MIN_BASE_TICKS = 150  # below it, one tick would be a leap


@dataclass(frozen=True, slots=True)
class Listing:
    """
    A symbol with its price level.

    Attributes:
        base_ticks: The price the path reverts to, in ticks.
        trade_lots: Mean size of an aggregate trade, in lots.
    """

    symbol: Symbol
    base_ticks: int
    trade_lots: int


def list_symbol(name: str) -> Listing:
    """
    List *name* ("BTC/USDT") with the tick and lot Binance would choose.

    At least five digits of price, two decimals or more; a lot is worth a dollar at most.
    """
    base, _, quote = name.partition("/")
    base_usd = _usd_price(base)
    price = base_usd / _usd_price(quote)
    price_decimals = 2
    while price_decimals < WIRE_DECIMALS and price * 10**price_decimals < 10_000:
        price_decimals += 1
    lot_decimals = 0
    while lot_decimals < WIRE_DECIMALS - price_decimals and base_usd > 10**lot_decimals:
        lot_decimals += 1
    symbol = Symbol(name, price_decimals, lot_decimals)
    base_ticks = max(MIN_BASE_TICKS, round(price * 10**price_decimals))
    return Listing(symbol, base_ticks, max(1, round(TRADE_USD / base_usd * 10**lot_decimals)))


def list_symbols(names: tuple[str, ...]) -> tuple[Listing, ...]:
    """List *names*; refuse none at all, and two that the exchange would write alike."""
    listings = tuple(list_symbol(name) for name in names)
    if not listings:
        raise Misconfigured("no symbols: expected at least one, such as BTC/USDT")
    ids = [listing.symbol.market_id for listing in listings]
    for market_id in ids:
        if ids.count(market_id) > 1:
            raise Misconfigured(f"symbol {market_id} is listed twice: name each market once")
    return listings


def _usd_price(asset: str) -> float:
    """Return a known price, or one between 0.01 and 100 dollars drawn from the name."""
    if asset in USD_PRICES:
        return USD_PRICES[asset]
    draw = stream("usd", asset)
    return float((1 + draw % 9) * 10.0 ** (draw // 16 % 4 - 2))
