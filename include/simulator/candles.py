"""Candles as exact sums over trades: rows of integers, in ticks and lots."""

from typing import NamedTuple

import numpy as np

from include.simulator.noise import IntArray
from include.simulator.trades import MINUTE_MS, TradeHour

# Columns of a row. TRADES counts raw trades; FIRST_RAW is the first raw id at or after the open.
OPEN, HIGH, LOW, CLOSE, LOTS, QUOTE, TRADES, BUY_LOTS, BUY_QUOTE, FIRST_RAW = range(10)
COLUMNS = 10
SUMS = (LOTS, QUOTE, TRADES, BUY_LOTS, BUY_QUOTE)


class Candle(NamedTuple):
    """One candle; *quote* and *buy_quote* are in ticks * lots, *trades* counts raw trades."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    quote: int
    trades: int
    buy_lots: int
    buy_quote: int


def minute_rows(start_ms: int, trades: TradeHour, previous_close: int) -> IntArray:
    """
    Return the 60 minutes from *start_ms* as rows.

    A minute without trades has open = high = low = close = the close before it, as on Binance.
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
        # Quiet minutes have no trades between, so each reduction ends where the next begins.
        rows[active, HIGH] = np.maximum.reduceat(prices, starts[active])
        rows[active, LOW] = np.minimum.reduceat(prices, starts[active])
    _fill_quiet(rows, previous_close)
    return rows


def roll_up(rows: IntArray, width: int) -> IntArray:
    """Merge each *width* consecutive rows into one; their number is a multiple of it."""
    grouped = rows.reshape(-1, width, COLUMNS)
    result = grouped[:, 0, :].copy()
    active = grouped[:, :, TRADES] > 0
    # A quiet row repeats the price before it, which is not a trade of this candle.
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


def as_candles(rows: IntArray, start_ms: int, width_ms: int) -> list[Candle]:
    """Name the columns of *rows*, the first of which opens at *start_ms*."""
    return [
        Candle(start_ms + i * width_ms, *row[:FIRST_RAW]) for i, row in enumerate(rows.tolist())
    ]


def _sums(values: IntArray, edges: IntArray) -> IntArray:
    total = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=total[1:])
    return np.diff(total[edges])


def _fill_quiet(rows: IntArray, previous_close: int) -> None:
    """Carry the last close into the minutes without trades, in place."""
    closes = np.concatenate(([previous_close], rows[:, CLOSE]))
    traded = np.concatenate(([True], rows[:, TRADES] > 0))
    source = np.maximum.accumulate(np.where(traded, np.arange(61), 0))
    carried = closes[source][1:]
    quiet = ~traded[1:]
    for column in (OPEN, HIGH, LOW, CLOSE):
        rows[quiet, column] = carried[quiet]
