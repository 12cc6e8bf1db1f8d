"""Questions about trades and candles, answered from a market's hours as of a moment."""

from typing import NamedTuple

import numpy as np

from include.simulator import candles
from include.simulator.cache import BoundedCache
from include.simulator.candles import Candle
from include.simulator.market import Market
from include.simulator.noise import IntArray
from include.simulator.symbols import Symbol
from include.simulator.trades import DAY_MS, HOUR_MS, MINUTE_MS, AggregateTrade

CACHED_HOURS = 6_000  # of candles, 5 kB each: two days and a half of a hundred symbols


class DayStats(NamedTuple):
    """
    The rolling 24 hours: whole minutes, the open one included, none older than a day.

    Sums as in Candle. Without trades the prices are the last one known and *first_raw* is -1.
    """

    open_ms: int
    close_ms: int
    previous_close: int
    open: int
    high: int
    low: int
    last: int
    last_lots: int
    lots: int
    quote: int
    trades: int
    first_raw: int
    last_raw: int


class History:
    """
    Trades and candles of a market that have happened by *now_ms*, inclusive.

    One request reads the clock once and passes it on: all it answers is of one moment.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._closed: BoundedCache[tuple[Symbol, int], IntArray] = BoundedCache(CACHED_HOURS)

    def next_id(self, symbol: Symbol, ts_ms: int, now_ms: int) -> int:
        """Return the id of the first trade at or after *ts_ms*, among those that have happened."""
        ts_ms = max(min(ts_ms, now_ms + 1), self._market.opened_ms(symbol))
        trades = self._market.trade_hour(symbol, ts_ms // HOUR_MS)
        return trades.first_id + int(np.searchsorted(trades.ts_ms, ts_ms, side="left"))

    def first_id(self, symbol: Symbol) -> int:
        """Return the id of the first trade there ever was."""
        opened_ms = self._market.opened_ms(symbol)
        return self._market.trade_hour(symbol, opened_ms // HOUR_MS).first_id

    def end_id(self, symbol: Symbol, now_ms: int) -> int:
        """Return the id that the next trade will bear."""
        return self.next_id(symbol, now_ms + 1, now_ms)

    def trades(
        self, symbol: Symbol, start_id: int, end_id: int, now_ms: int
    ) -> list[AggregateTrade]:
        """Return the trades with ids in [start_id, end_id) that have happened."""
        start_id = max(start_id, self.first_id(symbol))
        end_id = min(end_id, self.end_id(symbol, now_ms))
        result: list[AggregateTrade] = []
        while start_id < end_id:
            hour = self._market.trade_hour(symbol, self._market.hour_of(symbol, start_id))
            skip = start_id - hour.first_id
            part = hour.cut(skip, min(len(hour), end_id - hour.first_id))
            result.extend(part.rows())
            start_id += len(part)
        return result

    def candles(
        self, symbol: Symbol, width_ms: int, start_ms: int, end_ms: int, now_ms: int
    ) -> list[Candle]:
        """
        Return the candles that open in [start_ms, end_ms], the one still open included.

        *width_ms* is a whole number of minutes that divides a day.
        """
        opened_ms = self._market.opened_ms(symbol)
        first = max(-(-start_ms // width_ms), opened_ms // width_ms) * width_ms
        last = min(end_ms, now_ms) // width_ms * width_ms
        if first > last:
            return []
        # Hours are merged first, so that years of daily candles need no years of minutes.
        inner = min(width_ms, HOUR_MS)
        hours = range(first // HOUR_MS, -(-(last + width_ms) // HOUR_MS))
        rows = np.concatenate(
            [candles.roll_up(self._hour_rows(symbol, h, now_ms), inner // MINUTE_MS) for h in hours]
        )
        skip = (first - hours.start * HOUR_MS) // inner
        count = (last - first) // width_ms + 1
        rows = rows[skip : skip + count * (width_ms // inner)]
        return candles.as_candles(candles.roll_up(rows, width_ms // inner), first, width_ms)

    def day_stats(self, symbol: Symbol, now_ms: int) -> DayStats:
        """Return the rolling 24 hours up to now."""
        opened_ms = self._market.opened_ms(symbol)
        open_ms = max((now_ms - DAY_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS, opened_ms)
        hours = range(open_ms // HOUR_MS, now_ms // HOUR_MS + 1)
        rows = np.concatenate([self._hour_rows(symbol, hour, now_ms) for hour in hours])
        skip = (open_ms - hours.start * HOUR_MS) // MINUTE_MS
        rows = rows[skip : (now_ms - hours.start * HOUR_MS) // MINUTE_MS + 1]
        total = candles.roll_up(rows, len(rows))[0].tolist()
        end_id = self.end_id(symbol, now_ms)
        last = self.trades(symbol, end_id - 1, end_id, now_ms)
        traded = total[candles.TRADES] > 0
        return DayStats(
            open_ms=open_ms,
            close_ms=now_ms,
            previous_close=self._close_before(symbol, open_ms, now_ms),
            open=total[candles.OPEN],
            high=total[candles.HIGH],
            low=total[candles.LOW],
            last=total[candles.CLOSE],
            last_lots=last[0].lots if last else 0,
            lots=total[candles.LOTS],
            quote=total[candles.QUOTE],
            trades=total[candles.TRADES],
            first_raw=total[candles.FIRST_RAW] if traded else -1,
            last_raw=last[0].last_raw if traded else -1,
        )

    def _hour_rows(self, symbol: Symbol, hour: int, now_ms: int) -> IntArray:
        """Return the minutes of *hour* as of now; those to come look quiet."""
        start_ms = hour * HOUR_MS
        if start_ms + HOUR_MS <= now_ms:
            return self._closed.get((symbol, hour), lambda: self._make_rows(symbol, hour, now_ms))
        return self._make_rows(symbol, hour, now_ms)

    def _make_rows(self, symbol: Symbol, hour: int, now_ms: int) -> IntArray:
        start_ms = hour * HOUR_MS
        trades = self._market.trade_hour(symbol, hour).until(now_ms)
        first_is_quiet = not len(trades) or trades.ts_ms[0] >= start_ms + MINUTE_MS
        previous_close = self._close_before(symbol, start_ms, now_ms) if first_is_quiet else 0
        return candles.minute_rows(start_ms, trades, previous_close)

    def _close_before(self, symbol: Symbol, ts_ms: int, now_ms: int) -> int:
        """Return the price of the last trade before *ts_ms*."""
        trade_id = self.next_id(symbol, ts_ms, now_ms) - 1
        if trade_id < self.first_id(symbol):
            return self._market.opening_price(symbol)
        hour = self._market.trade_hour(symbol, self._market.hour_of(symbol, trade_id))
        return int(hour.price_ticks[trade_id - hour.first_id])
