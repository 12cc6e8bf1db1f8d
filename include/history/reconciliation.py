"""
The stream against the batch: InfluxDB's closed minutes compared with `indicators`.

By market and hour: an hour with a minute that was not compared yet, or computed again since, is
compared whole, as far as the stream has come; where it is wrong it is corrected, and compared
again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple, cast

from include.history import streamed
from include.history.corrections import correct
from include.history.differences import KPIS, TOLERANCE, Minute, compared, greatest
from include.history.streamed import MEASUREMENT, Span
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

type Told = float | None
type Row = tuple[
    int, datetime, float, float, float, float, float, Told, int | None, Told, Told, Told, Told
]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """
    What a reconciliation compared and did.

    Attributes:
        hours: Of markets.
        minutes: In these hours.
        corrected: Points of InfluxDB that were written again.
        max_relative_difference: After that, of any KPI; None if nothing was compared.
    """

    hours: int = 0
    minutes: int = 0
    corrected: int = 0
    max_relative_difference: float | None = None

    def __add__(self, other: "Reconciled") -> "Reconciled":
        return Reconciled(
            self.hours + other.hours,
            self.minutes + other.minutes,
            self.corrected + other.corrected,
            greatest((self.max_relative_difference, other.max_relative_difference)),
        )


class Hours(NamedTuple):
    """Hours of one market's UTC day, and how far the stream has minutes at all."""

    market: MarketKey
    hours: Sequence[datetime]
    span: Span


def reconcile(connection: Connection, settings: Settings) -> Reconciled:
    """
    Compare, correct and record what was not since its indicators were computed; of every market.

    The idle *connection*, as the writer role, is put into autocommit mode. Minutes the stream has
    not come to wait for it; minutes before its first are left out. Run again, it does nothing; nor
    while another run is at it.

    Raises:
        Unavailable: InfluxDB is away: run it again.
        Misconfigured: It refuses our tokens.
    """
    connection.autocommit = True
    total = Reconciled()
    with (
        closing(Reader(settings)) as reader,
        closing(InfluxDB(settings)) as influxdb,
        _turn(connection) as is_ours,
    ):
        if is_ours:
            for hours in _open_hours(connection, streamed.spans(reader)):
                total += _reconcile_day(connection, reader, influxdb, hours)
    return total


@contextmanager
def _turn(connection: Connection) -> Iterator[bool]:
    """Keep others out; what is yielded is whether nobody kept us out."""
    (is_ours,) = connection.execute(statement("history/reconciliation/take_turn")).fetchone() or ()
    try:
        yield bool(is_ours)
    finally:
        if is_ours and not connection.broken:
            connection.execute(statement("history/reconciliation/end_turn"))


def _open_hours(connection: Connection, spans: Mapping[MarketKey, Span]) -> list[Hours]:
    markets = {
        "exchanges": [market.exchange for market in spans],
        "symbols": [market.symbol for market in spans],
        "first": [span.first for span in spans.values()],
        "last": [span.last for span in spans.values()],
    }
    connection.execute(statement("history/reconciliation/leave_out"), WIDTH | markets)
    rows = connection.execute(statement("history/reconciliation/hours"), WIDTH | markets)
    found = cast(list[tuple[str, str, list[datetime], datetime, datetime]], rows.fetchall())
    return [
        Hours(MarketKey(exchange, symbol), sorted(hours), Span(*span))
        for exchange, symbol, hours, *span in found
    ]


def _reconcile_day(
    connection: Connection, reader: Reader, influxdb: InfluxDB, day: Hours
) -> Reconciled:
    window = day.hours[0], day.hours[-1] + HOUR
    minutes = _minutes(connection, day)
    if not minutes:
        return Reconciled()
    stream = streamed.minutes(reader, day.market, *window)
    corrected = correct(connection, influxdb, day.market, minutes, stream)
    if corrected:
        stream = streamed.minutes(reader, day.market, *window)
    with connection.transaction():
        worst = _record(connection, day.market, minutes, stream)
        connection.execute(
            statement("history/reconciliation/settle"),
            {
                **WIDTH,
                **day.market._asdict(),
                "open_ts_ms": [minute.point.ts_ms for minute in minutes],
                "computed_at": [minute.computed_at for minute in minutes],
            },
        )
    return Reconciled(len(day.hours), len(minutes), corrected, worst)


def _minutes(connection: Connection, day: Hours) -> list[Minute]:
    window = {
        "from_ts": day.hours[0],
        "until_ts": day.hours[-1] + HOUR,
        "first_ts": day.span.first,
        "last_ts": day.span.last,
        "hours": list(day.hours),
    }
    rows = connection.execute(
        statement("history/reconciliation/minutes"), WIDTH | day.market._asdict() | window
    ).fetchall()
    return [_minute(day.market, row) for row in cast(list[Row], rows)]


def _minute(market: MarketKey, row: Row) -> Minute:
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
    return Minute(CandlePoint(*market, ts_ms, values), computed_at)


def _record(
    connection: Connection,
    market: MarketKey,
    minutes: Sequence[Minute],
    stream: Mapping[int, Values],
) -> float | None:
    """Store what each hour was found to be; return the greatest difference."""
    found = []
    for hour, inside in groupby(minutes, key=lambda minute: minute.point.ts_ms // HOUR_MS):
        start = datetime.fromtimestamp(hour * HOUR_MS / 1000, UTC)
        of_hour = list(inside)
        for kpi, field in KPIS.items():
            comparison = compared(of_hour, stream, field)
            found.append(
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
        cursor.executemany(statement("history/reconciliation/record"), found)
    return greatest(one["max_relative_difference"] for one in found)
