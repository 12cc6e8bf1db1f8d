"""
Compare the stream with the batch: closed minutes in InfluxDB with `indicators`.

The unit is a market's hour. An hour with a minute that is new or was recomputed is compared as a
whole, up to the stream's last minute. Wrong points are corrected, and the hour is compared again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple, cast

from include.history.comparison import KPIS, TOLERANCE, BatchMinute, compare, greatest
from include.history.stream_candles import (
    MEASUREMENT,
    StreamSpan,
    correct,
    read_minutes,
    read_spans,
)
from include.influxdb.reader import Reader
from include.influxdb.writer import InfluxDB
from include.kpis.indicators import compute_vwap
from include.kpis.records import CandlePoint, MarketKey, Values
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.rows import CANDLE_WIDTH_S
from include.warehouse.statements import statement

HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
WIDTH = {"width_s": CANDLE_WIDTH_S}

type Number = float | None
type MinuteRow = tuple[
    int,
    datetime,
    float,
    float,
    float,
    float,
    float,
    Number,
    int | None,
    Number,
    Number,
    Number,
    Number,
]


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """What a reconciliation compared and corrected."""

    hours: int = 0
    """Hours of markets that were compared."""
    minutes: int = 0
    """Minutes compared in these hours."""
    corrected: int = 0
    """Points of InfluxDB that were written again."""
    max_relative_difference: float | None = None
    """Of any KPI after the corrections; None if nothing was compared."""

    def __add__(self, other: "ReconcileResult") -> "ReconcileResult":
        return ReconcileResult(
            self.hours + other.hours,
            self.minutes + other.minutes,
            self.corrected + other.corrected,
            greatest((self.max_relative_difference, other.max_relative_difference)),
        )


class DayHours(NamedTuple):
    """Hours to compare, of one market's UTC day."""

    market: MarketKey
    hours: Sequence[datetime]
    """Their starts, ascending."""
    span: StreamSpan
    """The minutes that the stream has."""


def reconcile(connection: Connection, settings: Settings) -> ReconcileResult:
    """
    Compare, correct and record all minutes that are not reconciled, of every market.

    Minutes after the stream's last are left for a later run; minutes before its first are skipped.
    A repeated run does nothing, and neither does a run while another one works.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode.
        settings: The servers.

    Raises:
        Unavailable: InfluxDB is unreachable: run it again.
        Misconfigured: InfluxDB rejects a token.
    """
    connection.autocommit = True
    total = ReconcileResult()
    with (
        closing(Reader(settings)) as reader,
        closing(InfluxDB(settings)) as influxdb,
        _try_lock(connection) as is_locked,
    ):
        if is_locked:
            for hours in _open_hours(connection, read_spans(reader)):
                total += _reconcile_day(connection, reader, influxdb, hours)
    return total


@contextmanager
def _try_lock(connection: Connection) -> Iterator[bool]:
    """Yield whether this session got the lock; release it at the end."""
    (is_locked,) = connection.execute(statement("history/reconciliation.try_lock")).fetchone() or ()
    try:
        yield bool(is_locked)
    finally:
        if is_locked and not connection.broken:
            connection.execute(statement("history/reconciliation.unlock"))


def _open_hours(connection: Connection, spans: Mapping[MarketKey, StreamSpan]) -> list[DayHours]:
    markets = {
        "exchanges": [market.exchange for market in spans],
        "symbols": [market.symbol for market in spans],
        "first": [span.first for span in spans.values()],
        "last": [span.last for span in spans.values()],
    }
    connection.execute(statement("history/reconciliation.skip_before_stream"), WIDTH | markets)
    rows = connection.execute(statement("history/reconciliation.open_hours"), WIDTH | markets)
    found = cast(list[tuple[str, str, list[datetime], datetime, datetime]], rows.fetchall())
    return [
        DayHours(MarketKey(exchange, symbol), sorted(hours), StreamSpan(*span))
        for exchange, symbol, hours, *span in found
    ]


def _reconcile_day(
    connection: Connection, reader: Reader, influxdb: InfluxDB, day: DayHours
) -> ReconcileResult:
    window = day.hours[0], day.hours[-1] + HOUR
    minutes = _minutes(connection, day)
    if not minutes:
        return ReconcileResult()
    stream = read_minutes(reader, day.market, *window)
    corrected = correct(connection, influxdb, day.market, minutes, stream)
    if corrected:
        stream = read_minutes(reader, day.market, *window)
    with connection.transaction():
        worst = _record(connection, day.market, minutes, stream)
        connection.execute(
            statement("history/reconciliation.settle"),
            {
                **WIDTH,
                **day.market._asdict(),
                "open_ts_ms": [minute.point.ts_ms for minute in minutes],
                "computed_at": [minute.computed_at for minute in minutes],
            },
        )
    return ReconcileResult(len(day.hours), len(minutes), corrected, worst)


def _minutes(connection: Connection, day: DayHours) -> list[BatchMinute]:
    window = {
        "from_ts": day.hours[0],
        "until_ts": day.hours[-1] + HOUR,
        "first_ts": day.span.first,
        "last_ts": day.span.last,
        "hours": list(day.hours),
    }
    rows = connection.execute(
        statement("history/reconciliation.minutes"), WIDTH | day.market._asdict() | window
    ).fetchall()
    return [_minute(day.market, row) for row in cast(list[MinuteRow], rows)]


def _minute(market: MarketKey, row: MinuteRow) -> BatchMinute:
    ts_ms, computed_at, open_, high, low, close, volume, quote_volume, trades = row[:9]
    session_vwap, macd, macd_signal, macd_hist = row[9:]
    values: Values = {
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "quote_volume": quote_volume,
        "trades": None if trades is None else float(trades),
        "vwap": compute_vwap(quote_volume, volume, low, high),
        "session_vwap": session_vwap,
        "macd": macd,
        "macd_signal": macd_signal,
        "macd_hist": macd_hist,
    }
    return BatchMinute(CandlePoint(*market, ts_ms, values), computed_at)


def _record(
    connection: Connection,
    market: MarketKey,
    minutes: Sequence[BatchMinute],
    stream: Mapping[int, Values],
) -> float | None:
    """Record the result of each hour; return the greatest difference."""
    results = []
    for hour, inside in groupby(minutes, key=lambda minute: minute.point.ts_ms // HOUR_MS):
        start = datetime.fromtimestamp(hour * HOUR_MS / 1000, UTC)
        of_hour = list(inside)
        for kpi, field in KPIS.items():
            comparison = compare(of_hour, stream, field)
            results.append(
                {
                    **market._asdict(),
                    "stream": MEASUREMENT,
                    "kpi": kpi,
                    "window_start": start,
                    "window_end": start + HOUR,
                    "compared": comparison.compared,
                    "missing": comparison.missing,
                    "max_relative_difference": comparison.max_relative_difference,
                    "tolerance": TOLERANCE,
                }
            )
    with connection.cursor() as cursor:
        cursor.executemany(statement("history/reconciliation.record"), results)
    return greatest(one["max_relative_difference"] for one in results)
