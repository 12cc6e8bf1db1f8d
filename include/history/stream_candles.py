"""
The stream's closed minutes, `crypto_candles` in InfluxDB: read, and corrected.

A correction is recorded in `corrections` before its points are written, and confirmed afterwards.
If a run is killed in between, the next run finds the plan and writes the points, or finds them
written.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from include.history.comparison import (
    NO_VALUES,
    BatchMinute,
    find_fault,
    greatest,
    max_difference,
)
from include.influxdb import lines
from include.influxdb.reader import Reader
from include.influxdb.writer import InfluxDB
from include.kpis.records import CandlePoint, MarketKey, Values
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

MEASUREMENT = "crypto_candles"
ALL_TIMES = {"start": datetime(1970, 1, 1, tzinfo=UTC), "stop": datetime(2200, 1, 1, tzinfo=UTC)}
NO_FIELDS = {"result", "table", "_time"}


class StreamSpan(NamedTuple):
    """The minutes that the stream has of a market."""

    first: datetime
    """Start of the first minute."""
    last: datetime
    """Start of the last minute."""


def read_spans(reader: Reader) -> dict[MarketKey, StreamSpan]:
    """Return the span of the stream's closed minutes, for every market that has some."""
    times: dict[MarketKey, list[datetime]] = {}
    for row in reader.rows("history.spans", ALL_TIMES):
        times.setdefault(MarketKey(row["exchange"], row["symbol"]), []).append(row["_time"])
    return {market: StreamSpan(min(found), max(found)) for market, found in times.items()}


def read_minutes(
    reader: Reader, market: MarketKey, start: datetime, stop: datetime
) -> dict[int, Values]:
    """Return the fields of the minutes that open in [start, stop), by their start in ms."""
    bound = {**market._asdict(), "start": start, "stop": stop}
    return {
        round(row["_time"].timestamp() * 1000): {
            name: value for name, value in row.items() if name not in NO_FIELDS
        }
        for row in reader.rows("history.candles", bound)
    }


def correct(
    connection: Connection,
    influxdb: InfluxDB,
    market: MarketKey,
    minutes: Sequence[BatchMinute],
    stream: Mapping[int, Values],
) -> int:
    """
    Write points that are wrong or missing in the stream; return their number.

    Args:
        connection: In autocommit mode, as the writer.
        influxdb: Where the points go.
        market: Of all minutes.
        minutes: Of one UTC day, ascending, as the batch has them.
        stream: Fields of the stream's points, by start in ms.

    Raises:
        Unavailable: InfluxDB is unreachable: run it again.
        Misconfigured: InfluxDB rejects the token.
    """
    wrong: dict[str, list[CandlePoint]] = {}
    for minute in minutes:
        if reason := find_fault(minute.point, stream.get(minute.point.ts_ms)):
            wrong.setdefault(reason, []).append(minute.point)
    of_market = {**market._asdict(), "measurement": MEASUREMENT}
    for reason, points in wrong.items():
        differences = (max_difference(p, stream.get(p.ts_ms, NO_VALUES)) for p in points)
        plan = {
            "reason": reason,
            "first_ts": _time(points[0].ts_ms),
            "last_ts": _time(points[-1].ts_ms),
            "points": len(points),
            "max_relative_difference": greatest(differences) or None,
        }
        connection.execute(statement("history/stream_candles.plan_correction"), of_market | plan)
    influxdb.write(lines.encode(point for points in wrong.values() for point in points))
    window = {
        "from_ts": _time(minutes[0].point.ts_ms),
        "until_ts": _time(minutes[-1].point.ts_ms + 1),
    }
    connection.execute(statement("history/stream_candles.finish_corrections"), of_market | window)
    return sum(map(len, wrong.values()))


def _time(ts_ms: int) -> datetime:
    return datetime.fromtimestamp(ts_ms / 1000, UTC)
