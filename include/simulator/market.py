"""
Model of a simulated market: symbols, trades, order books, and the protocol of a market.

Prices are whole ticks and amounts whole lots, so that every sum is exact.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from include.errors import Misconfigured
from include.simulator.clock import Clock
from include.simulator.random_numbers import IntArray

WIRE_DECIMALS = 8  # of every price and amount in Binance's JSON
NAME = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")


MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def format_decimal(value: int, decimals: int) -> str:
    """Format value / 10**decimals as Binance does: with eight decimals, exactly."""
    scaled = abs(value) * 10 ** (WIRE_DECIMALS - decimals)
    whole, part = divmod(scaled, 10**WIRE_DECIMALS)
    return f"{'-' if value < 0 else ''}{whole}.{part:08d}"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol's name and units."""

    name: str
    """ccxt's unified name, such as "BTC/USDT"."""
    price_decimals: int
    """A tick is 10**-price_decimals of the quote currency."""
    lot_decimals: int
    """A lot is 10**-lot_decimals of the base currency."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise Misconfigured(
                f"symbol {self.name!r}: expected BASE/QUOTE in capital letters, such as BTC/USDT"
            )
        if self.price_decimals + self.lot_decimals > WIRE_DECIMALS:
            raise Misconfigured(
                f"symbol {self.name}: expected at most {WIRE_DECIMALS} decimals of tick and lot "
                f"together, found {self.price_decimals + self.lot_decimals}: quote volumes would "
                "not be exact"
            )

    @property
    def base(self) -> str:
        return self.name.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.name.partition("/")[2]

    @property
    def market_id(self) -> str:
        """Binance's name, such as "BTCUSDT"."""
        return self.name.replace("/", "")

    def format_price(self, ticks: int) -> str:
        return format_decimal(ticks, self.price_decimals)

    def format_amount(self, lots: int) -> str:
        return format_decimal(lots, self.lot_decimals)

    def format_quote(self, tick_lots: int) -> str:
        """Format a sum of price * amount that is in ticks * lots."""
        return format_decimal(tick_lots, self.price_decimals + self.lot_decimals)


class AggregateTrade(NamedTuple):
    """Consecutive fills of one taker order at one price."""

    trade_id: int
    first_raw: int
    """Id of its first raw trade."""
    last_raw: int
    """Id of its last raw trade, inclusive."""
    ts_ms: int
    price_ticks: int
    lots: int
    taker_sells: bool
    """Whether the taker sold."""


@dataclass(frozen=True, slots=True)
class TradeHour:
    """The aggregate trades of one symbol and hour in columns, ascending by id and by time."""

    first_id: int
    """Id of the first trade, or of the next trade if the hour is empty."""
    ts_ms: IntArray
    price_ticks: IntArray
    lots: IntArray
    first_raw: IntArray
    """First raw id of each trade, then of the next trade: one longer than the other columns."""
    taker_sells: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ts_ms)

    def until(self, now_ms: int) -> "TradeHour":
        """Return the trades up to *now_ms*, inclusive."""
        n = int(np.searchsorted(self.ts_ms, now_ms, side="right"))
        return self if n == len(self) else self.cut(0, n)

    def cut(self, start: int, end: int) -> "TradeHour":
        """Return the trades at positions [start, end)."""
        part = slice(start, end)
        return TradeHour(
            self.first_id + start,
            self.ts_ms[part],
            self.price_ticks[part],
            self.lots[part],
            self.first_raw[start : end + 1],
            self.taker_sells[part],
        )

    def to_trades(self) -> Iterator[AggregateTrade]:
        """Yield the trades one by one."""
        raw = self.first_raw.tolist()
        columns = zip(
            raw[:-1], raw[1:], self.ts_ms.tolist(), self.price_ticks.tolist(),
            self.lots.tolist(), self.taker_sells.tolist(), strict=True,
        )  # fmt: skip
        for trade_id, (first, after, ts, price, lots, sells) in enumerate(columns, self.first_id):
            yield AggregateTrade(trade_id, first, after - 1, ts, price, lots, sells)


class Book(NamedTuple):
    """The best levels of an order book."""

    last_update_id: int
    bids: list[tuple[int, int]]
    """(price in ticks, lots), highest price first."""
    asks: list[tuple[int, int]]
    """(price in ticks, lots), lowest price first."""


class Market(Protocol):
    """
    Trades of some symbols, past and future, and their order books.

    Hours count from 1970. `History` computes candles and limits trades to the past.
    """

    @property
    def kind(self) -> str:
        """Return "generated" or "tape"."""
        ...

    @property
    def clock(self) -> Clock: ...

    @property
    def symbols(self) -> tuple[Symbol, ...]: ...

    def opened_ms(self, symbol: Symbol) -> int:
        """Return the start of the first minute with history."""
        ...

    def opening_price(self, symbol: Symbol) -> int:
        """Return the price, in ticks, before the first trade."""
        ...

    def trade_hour(self, symbol: Symbol, hour: int) -> TradeHour:
        """Return the trades of *hour*, past or future."""
        ...

    def hour_of(self, symbol: Symbol, trade_id: int) -> int:
        """Return the hour of the trade *trade_id*."""
        ...

    def book(self, symbol: Symbol, levels: int, now_ms: int) -> Book:
        """Return up to *levels* levels a side as of *now_ms*, which must not decrease."""
        ...
