"""
Compute the indicators of stored candles by pandas-ta, into `indicators`.

The unit of work is a market's UTC day. A day is always computed from the midnight before it: 1,440
minutes of warm-up (400 are enough) and the whole session. So its values are the same bits for every
requested window.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched, groupby
from typing import NamedTuple, cast

import numpy as np
import pandas as pd

from include.kpis.market_state import MAX_FILLED_MINUTES
from include.kpis.pandas_indicators import compute_indicators
from include.kpis.records import MINUTE_MS, MarketKey
from include.kpis.session import DAY_MS
from include.warehouse.connection import Connection
from include.warehouse.rows import CANDLE_WIDTH_S, to_timestamptz
from include.warehouse.statements import statement
from include.warehouse.tables import INDICATORS, Row, stage_rows

COLUMNS = ("macd", "macd_signal", "macd_hist", "vwap")
# A close is carried over at most 1,500 missing minutes, so it reaches the third day after it.
REACH_DAYS = 3
MAX_DAYS = 100  # of markets per transaction: 288,000 candles read, 144,000 rows written

type Days = dict[tuple[MarketKey, int], int]
"""First time to write rows for (ms), by market and start of the UTC day (ms)."""


class CandleInput(NamedTuple):
    """The values of a stored candle that enter the indicators."""

    open_minute: int
    """Start, in minutes since 1970, UTC."""
    close: float
    """Quote currency."""
    volume: float
    """Base currency."""
    quote_volume: float
    """Quote currency; estimated if the exchange does not report it."""
    revision: int


class IndicatorRow(NamedTuple):
    """The indicators after one candle, in quote currency; None without a value."""

    open_minute: int
    """Start of the candle, in minutes since 1970, UTC."""
    vwap: float | None
    macd: float | None
    macd_signal: float | None
    macd_hist: float | None
    revision: int
    """Of the candle."""


@dataclass(frozen=True, slots=True)
class RecomputeResult:
    """What a recomputation read and changed."""

    candles: int = 0
    """Candles read, warm-up included."""
    computed: int = 0
    """Candles whose indicators were computed."""
    changed: int = 0
    """Rows of `indicators` that are new or have other values."""

    def __add__(self, other: "RecomputeResult") -> "RecomputeResult":
        return RecomputeResult(
            self.candles + other.candles,
            self.computed + other.computed,
            self.changed + other.changed,
        )


def recompute(
    connection: Connection, markets: Iterable[MarketKey], from_ms: int, until_ms: int
) -> RecomputeResult:
    """
    Compute all indicators that depend on candles of [from_ms, until_ms); write rows that differ.

    Dependent rows end after the window: at midnight UTC for the session's vwap, after 400 bars and
    missing minutes for MACD, hence at the end of the third day after it. A repeated run changes no
    row, concurrent runs are serialized, and a killed run leaves whole days.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode.
        markets: Their candles changed.
        from_ms: Start of the first candle.
        until_ms: End of the window.

    Raises:
        psycopg.Error: See `include.warehouse.connection.postgres_errors`.
    """
    days: Days = {}
    for market in markets:
        for at_ms in range(from_ms, until_ms + DAY_MS, DAY_MS):
            _add_dependent_days(days, market, min(at_ms, until_ms - 1))
    days = {key: max(from_ms, key[1]) for key in days}
    return _recompute(connection, days)


def recompute_stale(connection: Connection) -> RecomputeResult:
    """
    Compute the indicators of all new and revised candles, of every market.

    A candle is new if it was written since the last run, whatever its time. For the rest, as
    `recompute`.
    """
    connection.autocommit = True
    width = {"width_s": CANDLE_WIDTH_S}
    scanned_at = connection.execute(statement("history/indicators.now")).fetchone()
    assert scanned_at is not None
    stale = connection.execute(statement("history/indicators.stale"), width).fetchall()
    days: Days = {}
    for exchange, symbol, first_ts in cast(list[tuple[str, str, datetime]], stale):
        first_ms = round(first_ts.timestamp()) * 1000
        _add_dependent_days(days, MarketKey(exchange, symbol), first_ms)
    result = _recompute(connection, days)
    scan = width | {"looked_at": scanned_at[0]}
    connection.execute(statement("history/indicators.record_scan"), scan)
    return result


def compute_rows(candles: Sequence[CandleInput], from_minute: int) -> Iterator[IndicatorRow]:
    """
    Yield the indicators of candles that open at *from_minute* or later.

    Missing minutes are filled here and nowhere else: the close is carried, without trades. After
    more than MAX_FILLED_MINUTES missing minutes the indicators start again, as in the stream.

    Args:
        candles: Ascending, warm-up included.
        from_minute: In minutes since 1970, UTC.
    """
    minutes = np.array([candle.open_minute for candle in candles], dtype=np.int64)
    breaks = np.flatnonzero(np.diff(minutes) - 1 > MAX_FILLED_MINUTES) + 1
    for first, end in zip([0, *breaks], [*breaks, len(candles)], strict=True):
        if minutes[end - 1] >= from_minute:
            yield from _compute_run(candles[first:end], from_minute)


def _compute_run(candles: Sequence[CandleInput], from_minute: int) -> Iterator[IndicatorRow]:
    """Yield the indicators of candles without a hole that is too long to fill."""
    minutes, close, volume, quote_volume, _ = (
        np.array(column) for column in zip(*candles, strict=True)
    )
    places = minutes - minutes[0]
    base, quote = np.zeros(places[-1] + 1), np.zeros(places[-1] + 1)
    base[places], quote[places] = volume, quote_volume
    # close of the last candle at or before each minute
    carried = close[np.searchsorted(places, np.arange(places[-1] + 1), side="right") - 1]
    index = pd.date_range(
        pd.Timestamp(int(minutes[0]) * 60, unit="s", tz="UTC"), periods=len(carried), freq="min"
    )
    frame = pd.DataFrame({"close": carried, "volume": base, "quote_volume": quote}, index=index)
    values = compute_indicators(frame)[list(COLUMNS)].to_numpy()[places]
    first = int(np.searchsorted(minutes, from_minute))
    for candle, row in zip(candles[first:], values[first:].tolist(), strict=True):
        macd, signal, histogram, vwap = (None if x != x else x for x in row)
        yield IndicatorRow(candle.open_minute, vwap, macd, signal, histogram, candle.revision)


def _add_dependent_days(days: Days, market: MarketKey, from_ms: int) -> None:
    """Add the days whose indicators depend on a candle of *from_ms* or later on its day."""
    first_ms = from_ms - from_ms % DAY_MS
    for day_ms in range(first_ms, first_ms + (REACH_DAYS + 1) * DAY_MS, DAY_MS):
        wanted_ms = max(from_ms, day_ms)
        days[market, day_ms] = min(wanted_ms, days.get((market, day_ms), wanted_ms))


def _recompute(connection: Connection, days: Days) -> RecomputeResult:
    connection.autocommit = True
    total = RecomputeResult()
    in_order = sorted(days, key=lambda key: (key[1], key[0]))
    for chunk in batched(in_order, MAX_DAYS):
        with connection.transaction():
            connection.execute(statement("history/indicators.lock"))
            total += _recompute_days(connection, chunk, days)
    return total


def _recompute_days(
    connection: Connection, chunk: Sequence[tuple[MarketKey, int]], days: Days
) -> RecomputeResult:
    read = _read_candles(connection, chunk)

    def computed() -> Iterator[Row]:
        for key, candles in read:
            for row in compute_rows(candles, days[key] // MINUTE_MS):
                open_ts = to_timestamptz(row.open_minute * MINUTE_MS)
                yield (*key[0], CANDLE_WIDTH_S, open_ts, *row[1:])

    written = stage_rows(connection, INDICATORS, computed())
    changed = connection.execute(statement("history/indicators.upsert")).rowcount
    return RecomputeResult(sum(len(candles) for _, candles in read), written, changed)


def _read_candles(
    connection: Connection, chunk: Sequence[tuple[MarketKey, int]]
) -> list[tuple[tuple[MarketKey, int], list[CandleInput]]]:
    """Return the candles of each day of the chunk, with its warm-up; no entry for empty days."""
    wanted = {
        "exchanges": [market.exchange for market, _ in chunk],
        "symbols": [market.symbol for market, _ in chunk],
        "days": [datetime.fromtimestamp(day_ms / 1000, UTC) for _, day_ms in chunk],
        "width_s": CANDLE_WIDTH_S,
    }
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statement("history/indicators.candles"), wanted)
        rows = cast(Iterator[tuple[int, int, float, float, float, int]], cursor)
        return [
            (chunk[number - 1], [CandleInput(*row[1:]) for row in found])
            for number, found in groupby(rows, key=lambda row: row[0])
        ]
