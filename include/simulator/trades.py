"""Trades of one symbol and hour, in columns, and one aggregate trade as a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from include.simulator.noise import IntArray

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class AggregateTrade(NamedTuple):
    """Consecutive fills of one taker order at one price."""

    trade_id: int
    first_raw: int
    last_raw: int  # inclusive
    ts_ms: int
    price_ticks: int
    lots: int
    taker_sells: bool


@dataclass(frozen=True, slots=True)
class TradeHour:
    """
    All aggregate trades of one hour, ascending by id and by time.

    Attributes:
        first_id: Id of the first trade; of the next one to come where the hour is empty.
        first_raw: One longer than the rest: first raw id of each trade, then of the next.
    """

    first_id: int
    ts_ms: IntArray
    price_ticks: IntArray
    lots: IntArray
    first_raw: IntArray
    taker_sells: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ts_ms)

    def until(self, now_ms: int) -> "TradeHour":
        """Return the trades made by *now_ms*, inclusive."""
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

    def rows(self) -> Iterator[AggregateTrade]:
        raw = self.first_raw.tolist()
        columns = zip(
            raw[:-1], raw[1:], self.ts_ms.tolist(), self.price_ticks.tolist(),
            self.lots.tolist(), self.taker_sells.tolist(), strict=True,
        )  # fmt: skip
        for trade_id, (first, after, ts, price, lots, sells) in enumerate(columns, self.first_id):
            yield AggregateTrade(trade_id, first, after - 1, ts, price, lots, sells)
