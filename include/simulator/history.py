"""
Trades and candles of a market up to a given time.

Candles are exact sums over trades, as rows of integers in ticks and lots.
"""

from typing import NamedTuple

import numpy as np

from include.simulator.cache import BoundedCache
from include.simulator.market import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    AggregateTrade,
    Market,
    Symbol,
    TradeHour,
)
from include.simulator.random_numbers import IntArray

# Columns of a row. TRADES counts raw trades; FIRST_RAW is the first raw id at or after the open.
OPEN, HIGH, LOW, CLOSE, LOTS, QUOTE, TRADES, BUY_LOTS, BUY_QUOTE, FIRST_RAW = range(10)
COLUMNS = 10
SUMS = (LOTS, QUOTE, TRADES, BUY_LOTS, BUY_QUOTE)


MAX_CACHED_HOURS = 6_000  # of candles, 5 kB each: 60 hours of a hundred symbols


class SimulatedCandle(NamedTuple):
    """One candle; prices are in ticks, amounts in lots."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    """Traded amount."""
    quote: int
    """Sum of price * amount, in ticks * lots."""
    trades: int
    """Number of raw trades."""
    buy_lots: int
    """Amount that takers bought."""
    buy_quote: int
    """Sum of price * amount that takers bought, in ticks * lots."""


def make_minute_rows(start_ms: int, trades: TradeHour, previous_close: int) -> IntArray:
    """
    Sum the trades of the 60 minutes from *start_ms* as rows.

    All prices of a minute without trades are the previous close, as on Binance.

    Args:
        start_ms: Start of an hour.
        trades: Trades of that hour.
        previous_close: Price before the hour, in ticks.
    """
    edges = np.searchsorted(trades.ts_ms, start_ms + MINUTE_MS * np.arange(61))
    starts, ends = edges[:-1], edges[1:]
    rows = np.zeros((60, COLUMNS), dtype=np.int64)
    quote = trades.price_ticks * trades.lots
    buys = ~trades.taker_sells
    rows[:, LOTS] = _sums(trades.lots, edges)
    rows[:, QUOTE] = _sums(quote, edges)
    rows[:, BUY_LOTS] = _sums(trades.lots * buys, edges)
    rows[:, BUY_QUOTE] = _sums(quote * buys, edges)
    rows[:, FIRST_RAW] = trades.first_raw[starts]
    rows[:, TRADES] = trades.first_raw[ends] - trades.first_raw[starts]

    active = np.flatnonzero(ends > starts)
    if len(active):
        prices = trades.price_ticks
        rows[active, OPEN] = prices[starts[active]]
        rows[active, CLOSE] = prices[ends[active] - 1]
        # Minutes without trades add nothing, so each reduction ends where the next begins.
        rows[active, HIGH] = np.maximum.reduceat(prices, starts[active])
        rows[active, LOW] = np.minimum.reduceat(prices, starts[active])
    _fill_empty_minutes(rows, previous_close)
    return rows


def roll_up(rows: IntArray, width: int) -> IntArray:
    """Merge each *width* consecutive rows into one; *width* divides the number of rows."""
    grouped = rows.reshape(-1, width, COLUMNS)
    result = grouped[:, 0, :].copy()
    active = grouped[:, :, TRADES] > 0
    # A row without trades repeats the previous price, which is not a trade of this candle.
    first = active.argmax(axis=1)
    traded = active.any(axis=1)
    result[:, OPEN] = grouped[np.arange(len(grouped)), first, OPEN]
    high = np.where(active, grouped[:, :, HIGH], 0).max(axis=1)
    low = np.where(active, grouped[:, :, LOW], np.iinfo(np.int64).max).min(axis=1)
    result[:, HIGH] = np.where(traded, high, result[:, OPEN])
    result[:, LOW] = np.where(traded, low, result[:, OPEN])
    result[:, CLOSE] = grouped[:, -1, CLOSE]
    result[:, SUMS] = grouped[:, :, SUMS].sum(axis=1)
    return result


def to_candles(rows: IntArray, start_ms: int, width_ms: int) -> list[SimulatedCandle]:
    """Convert *rows* to candles; the first opens at *start_ms*."""
    return [
        SimulatedCandle(start_ms + i * width_ms, *row[:FIRST_RAW])
        for i, row in enumerate(rows.tolist())
    ]


def _sums(values: IntArray, edges: IntArray) -> IntArray:
    total = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=total[1:])
    return np.diff(total[edges])


def _fill_empty_minutes(rows: IntArray, previous_close: int) -> None:
    """Carry the previous close into minutes without trades, in place."""
    closes = np.concatenate(([previous_close], rows[:, CLOSE]))
    traded = np.concatenate(([True], rows[:, TRADES] > 0))
    source = np.maximum.accumulate(np.where(traded, np.arange(61), 0))
    carried = closes[source][1:]
    empty = ~traded[1:]
    for column in (OPEN, HIGH, LOW, CLOSE):
        rows[empty, column] = carried[empty]


class DayStats(NamedTuple):
    """
    The rolling 24 hours: whole minutes with the open one, none older than a day.

    Units are those of `SimulatedCandle`. Without trades all prices are the last known price.
    """

    open_ms: int
    close_ms: int
    previous_close: int
    open: int
    high: int
    low: int
    last: int
    """Price of the last trade."""
    last_lots: int
    """Amount of the last trade."""
    lots: int
    quote: int
    trades: int
    first_raw: int
    """First raw trade id, or -1 without trades."""
    last_raw: int
    """Last raw trade id, or -1 without trades."""


class History:
    """
    Trades and candles of a market with times up to *now_ms*, inclusive.

    A request reads the clock once and passes *now_ms* to every call. Its response is therefore of
    one moment.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._closed: BoundedCache[tuple[Symbol, int], IntArray] = BoundedCache(MAX_CACHED_HOURS)

    def next_id(self, symbol: Symbol, ts_ms: int, now_ms: int) -> int:
        """Return the id of the first trade at or after *ts_ms*; no later than the next trade."""
        ts_ms = max(min(ts_ms, now_ms + 1), self._market.opened_ms(symbol))
        trades = self._market.trade_hour(symbol, ts_ms // HOUR_MS)
        return trades.first_id + int(np.searchsorted(trades.ts_ms, ts_ms, side="left"))

    def first_id(self, symbol: Symbol) -> int:
        """Return the id of the market's first trade."""
        opened_ms = self._market.opened_ms(symbol)
        return self._market.trade_hour(symbol, opened_ms // HOUR_MS).first_id

    def end_id(self, symbol: Symbol, now_ms: int) -> int:
        """Return the id of the next trade."""
        return self.next_id(symbol, now_ms + 1, now_ms)

    def trades(
        self, symbol: Symbol, start_id: int, end_id: int, now_ms: int
    ) -> list[AggregateTrade]:
        """Return the trades with ids in [start_id, end_id) up to *now_ms*."""
        start_id = max(start_id, self.first_id(symbol))
        end_id = min(end_id, self.end_id(symbol, now_ms))
        result: list[AggregateTrade] = []
        while start_id < end_id:
            hour = self._market.trade_hour(symbol, self._market.hour_of(symbol, start_id))
            skip = start_id - hour.first_id
            part = hour.cut(skip, min(len(hour), end_id - hour.first_id))
            result.extend(part.to_trades())
            start_id += len(part)
        return result

    def candles(
        self, symbol: Symbol, width_ms: int, start_ms: int, end_ms: int, now_ms: int
    ) -> list[SimulatedCandle]:
        """
        Return the candles that open in [start_ms, end_ms], including the open one.

        Args:
            symbol: A symbol of the market.
            width_ms: Width of a candle: whole minutes, a divisor of a day.
            start_ms: First time of opening.
            end_ms: Last time of opening, inclusive.
            now_ms: The current time.
        """
        opened_ms = self._market.opened_ms(symbol)
        first = max(-(-start_ms // width_ms), opened_ms // width_ms) * width_ms
        last = min(end_ms, now_ms) // width_ms * width_ms
        if first > last:
            return []
        # Minutes are merged by the hour, so that years of daily candles need little memory.
        inner = min(width_ms, HOUR_MS)
        hours = range(first // HOUR_MS, -(-(last + width_ms) // HOUR_MS))
        rows = np.concatenate(
            [roll_up(self._hour_rows(symbol, h, now_ms), inner // MINUTE_MS) for h in hours]
        )
        skip = (first - hours.start * HOUR_MS) // inner
        count = (last - first) // width_ms + 1
        rows = rows[skip : skip + count * (width_ms // inner)]
        return to_candles(roll_up(rows, width_ms // inner), first, width_ms)

    def day_stats(self, symbol: Symbol, now_ms: int) -> DayStats:
        """Compute the rolling 24 hours up to *now_ms*."""
        opened_ms = self._market.opened_ms(symbol)
        open_ms = max((now_ms - DAY_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS, opened_ms)
        hours = range(open_ms // HOUR_MS, now_ms // HOUR_MS + 1)
        rows = np.concatenate([self._hour_rows(symbol, hour, now_ms) for hour in hours])
        skip = (open_ms - hours.start * HOUR_MS) // MINUTE_MS
        rows = rows[skip : (now_ms - hours.start * HOUR_MS) // MINUTE_MS + 1]
        total = roll_up(rows, len(rows))[0].tolist()
        end_id = self.end_id(symbol, now_ms)
        last = self.trades(symbol, end_id - 1, end_id, now_ms)
        traded = total[TRADES] > 0
        return DayStats(
            open_ms=open_ms,
            close_ms=now_ms,
            previous_close=self._close_before(symbol, open_ms, now_ms),
            open=total[OPEN],
            high=total[HIGH],
            low=total[LOW],
            last=total[CLOSE],
            last_lots=last[0].lots if last else 0,
            lots=total[LOTS],
            quote=total[QUOTE],
            trades=total[TRADES],
            first_raw=total[FIRST_RAW] if traded else -1,
            last_raw=last[0].last_raw if traded else -1,
        )

    def _hour_rows(self, symbol: Symbol, hour: int, now_ms: int) -> IntArray:
        """Return the minutes of *hour* as of *now_ms*; future minutes have no trades."""
        start_ms = hour * HOUR_MS
        if start_ms + HOUR_MS <= now_ms:
            return self._closed.get((symbol, hour), lambda: self._make_rows(symbol, hour, now_ms))
        return self._make_rows(symbol, hour, now_ms)

    def _make_rows(self, symbol: Symbol, hour: int, now_ms: int) -> IntArray:
        start_ms = hour * HOUR_MS
        trades = self._market.trade_hour(symbol, hour).until(now_ms)
        first_is_empty = not len(trades) or trades.ts_ms[0] >= start_ms + MINUTE_MS
        previous_close = self._close_before(symbol, start_ms, now_ms) if first_is_empty else 0
        return make_minute_rows(start_ms, trades, previous_close)

    def _close_before(self, symbol: Symbol, ts_ms: int, now_ms: int) -> int:
        """Return the price of the last trade before *ts_ms*."""
        trade_id = self.next_id(symbol, ts_ms, now_ms) - 1
        if trade_id < self.first_id(symbol):
            return self._market.opening_price(symbol)
        hour = self._market.trade_hour(symbol, self._market.hour_of(symbol, trade_id))
        return int(hour.price_ticks[trade_id - hour.first_id])
