"""Symbols and their units: prices are whole ticks and amounts whole lots, so sums are exact."""

import re
from dataclasses import dataclass

from include.errors import Misconfigured

WIRE_DECIMALS = 8  # Binance prints every price and amount with eight
NAME = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")


def decimal_text(value: int, decimals: int) -> str:
    """Return value / 10**decimals as Binance prints it: eight decimals, exact."""
    scaled = abs(value) * 10 ** (WIRE_DECIMALS - decimals)
    whole, part = divmod(scaled, 10**WIRE_DECIMALS)
    return f"{'-' if value < 0 else ''}{whole}.{part:08d}"


@dataclass(frozen=True, slots=True)
class Symbol:
    """
    A market's name and units.

    Attributes:
        name: "BTC/USDT", as ccxt writes it.
        price_decimals: A tick is 10**-price_decimals of the quote currency.
        lot_decimals: A lot is 10**-lot_decimals of the base currency.
    """

    name: str
    price_decimals: int
    lot_decimals: int

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise Misconfigured(
                f"symbol {self.name!r}: expected BASE/QUOTE in capitals, such as BTC/USDT"
            )
        if self.price_decimals + self.lot_decimals > WIRE_DECIMALS:
            raise Misconfigured(
                f"symbol {self.name}: tick and lot have more than {WIRE_DECIMALS} decimals"
                " together, so quote volumes would not be exact"
            )

    @property
    def base(self) -> str:
        return self.name.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.name.partition("/")[2]

    @property
    def market_id(self) -> str:
        """The exchange's own name: "BTCUSDT"."""
        return self.name.replace("/", "")

    def price_text(self, ticks: int) -> str:
        return decimal_text(ticks, self.price_decimals)

    def amount_text(self, lots: int) -> str:
        return decimal_text(lots, self.lot_decimals)

    def quote_text(self, tick_lots: int) -> str:
        """Return a sum of price * amount, given in ticks * lots."""
        return decimal_text(tick_lots, self.price_decimals + self.lot_decimals)
