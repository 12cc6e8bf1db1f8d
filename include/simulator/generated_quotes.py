"""
Prices of the generated market: listed symbols, price paths, best quotes and order books.

All are functions of the seed and the time, without state.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from include.errors import Misconfigured
from include.simulator.market import WIRE_DECIMALS, Book, Symbol
from include.simulator.random_numbers import FloatArray, IntArray, make_stream, uniform, wave

# Round prices of late 2025 in US dollars. The price of any other asset depends on its name.
USD_PRICES = {
    "USDT": 1.0, "USDC": 1.0, "FDUSD": 1.0, "BTC": 90_000.0, "ETH": 3_500.0, "BNB": 900.0,
    "SOL": 180.0, "XRP": 2.5, "ADA": 0.8, "DOGE": 0.2, "LRC": 0.1, "EUR": 1.15,
}  # fmt: skip
LISTED_MS = 1_735_689_600_000  # 2025-01-01T00:00Z: no trade is older
TRADE_USD = 1_000.0  # mean value of an aggregate trade
MIN_BASE_TICKS = 150  # with fewer, one tick would be a large change of price


SHIFTS = range(12, 33)  # 2**12 ms = 4 s to 2**32 ms = 50 days, an octave apart
# The sum is always within base * (1 +- MAX_DEVIATION).
MAX_DEVIATION = 0.3
# The spread of a random walk grows with the square root of time, and so do the amplitudes.
_ROOTS = [2.0 ** (shift / 2) for shift in SHIFTS]
AMPLITUDES = [MAX_DEVIATION * root / sum(_ROOTS) for root in _ROOTS]
STEP_MS = 100  # the book changes ten times a second, as Binance's depth stream
LEVEL_LIFETIME_MS = 5_000  # how long a level keeps its amount
TILT_SHIFT = 15  # 2**15 ms: buyers or sellers dominate for about half a minute
MAX_TILT = 0.8
LEVEL_TRADES = 4  # mean amount of a level, in mean trades
DEPTH_SHARE = 0.002  # distance of a thousand levels from the mid, as a share of the price


@dataclass(frozen=True, slots=True)
class Listing:
    """A symbol with its price level."""

    symbol: Symbol
    base_ticks: int
    """The price that the path reverts to, in ticks."""
    trade_lots: int
    """Mean amount of an aggregate trade, in lots."""


def list_symbol(name: str) -> Listing:
    """
    List *name*, such as "BTC/USDT", with a tick and a lot as Binance has them.

    Prices have at least five digits and two decimals. A lot is worth at most a dollar.
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
    """
    List *names*.

    Raises:
        Misconfigured: *names* is empty, or two names have the same market id.
    """
    listings = tuple(list_symbol(name) for name in names)
    if not listings:
        raise Misconfigured("no symbols: expected at least one, such as BTC/USDT")
    ids = [listing.symbol.market_id for listing in listings]
    for market_id in ids:
        if ids.count(market_id) > 1:
            raise Misconfigured(f"symbol {market_id} is listed twice: name each market once")
    return listings


def _usd_price(asset: str) -> float:
    """Return the price of *asset*; if it is unknown, one of 0.01 to 90 dollars by its name."""
    if asset in USD_PRICES:
        return USD_PRICES[asset]
    draw = make_stream("usd", asset)
    return float((1 + draw % 9) * 10.0 ** (draw // 16 % 4 - 2))


class PricePath:
    """Waves of 4 s to 50 days: a random walk over days that reverts to its base over months."""

    def __init__(self, seed: int, symbol: str, base_ticks: int) -> None:
        self._base_ticks = float(base_ticks)
        self._streams = [make_stream(seed, symbol, "price", shift) for shift in SHIFTS]

    def mid_ticks(self, ts_ms: IntArray) -> FloatArray:
        """Return the mid price, in ticks, at each of *ts_ms* (ascending)."""
        deviation = np.zeros(len(ts_ms))
        for source, shift, amplitude in zip(self._streams, SHIFTS, AMPLITUDES, strict=True):
            deviation += wave(source, ts_ms, shift) * amplitude
        return self._base_ticks * (1.0 + deviation)


class BestQuotes(NamedTuple):
    """Best bid and ask, in ticks, one of each for every requested time."""

    bid: IntArray
    ask: IntArray


class Quotes:
    """Best quotes and order book of one symbol as a function of time."""

    def __init__(self, seed: int, listing: Listing) -> None:
        name = listing.symbol.name
        self._path = PricePath(seed, name, listing.base_ticks)
        self._spread, self._tilt, self._present, self._size, self._phase = (
            make_stream(seed, name, part) for part in ("spread", "tilt", "level", "size", "phase")
        )
        self._max_spread = max(2, listing.base_ticks // 300_000)
        self._gap = max(1, round(listing.base_ticks * DEPTH_SHARE / 1000))  # ticks between levels
        self._level_lots = listing.trade_lots * LEVEL_TRADES

    def best(self, ts_ms: IntArray) -> BestQuotes:
        """Return bid < ask at each of *ts_ms* (ascending)."""
        step = ts_ms // STEP_MS
        mid = np.floor(self._path.mid_ticks(step * STEP_MS)).astype(np.int64)
        width = 1 + (uniform(self._spread, step) ** 4 * self._max_spread).astype(np.int64)
        bid = mid - width // 2
        return BestQuotes(bid, bid + width)

    def tilt(self, ts_ms: IntArray) -> FloatArray:
        """Return the surplus of buyers: -MAX_TILT (sellers dominate) to MAX_TILT."""
        return MAX_TILT * wave(self._tilt, ts_ms, TILT_SHIFT)

    def book(self, now_ms: int, levels: int) -> Book:
        """Return the book at *now_ms*; its update id counts the steps since the listing."""
        step = now_ms // STEP_MS
        now = np.array([step * STEP_MS])
        best = self.best(now)
        tilt = float(self.tilt(now)[0])
        return Book(
            step - LISTED_MS // STEP_MS,
            self._side(int(best.bid[0]), -1, levels, int(now[0]), 1.0 + tilt),
            self._side(int(best.ask[0]), 1, levels, int(now[0]), 1.0 - tilt),
        )

    def _side(
        self, best: int, direction: int, levels: int, now_ms: int, tilt: float
    ) -> list[tuple[int, int]]:
        """Return levels from *best* outward; the prices of levels do not change with time."""
        reach = (3 * levels + 50) * self._gap  # three times the mean, to have enough
        prices: IntArray = best + direction * np.arange(reach)
        prices = prices[prices > 0]
        present = uniform(self._present, prices) * self._gap < 1.0
        present[0] = True
        prices = prices[present][:levels]
        age = (now_ms + (uniform(self._phase, prices) * LEVEL_LIFETIME_MS).astype(np.int64)) // (
            LEVEL_LIFETIME_MS
        )
        u = uniform(self._size, prices * 1_000_003 + age)
        lots = 1 + (self._level_lots * tilt * (0.1 + 4.5 * u * u * u * u)).astype(np.int64)
        return list(zip(prices.tolist(), lots.tolist(), strict=True))
