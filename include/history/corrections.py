"""
InfluxDB's points of closed minutes written again, where they are wrong or missing.

What will be written is recorded first and confirmed afterwards: a run that is killed between the
two leaves a plan, which the next one carries out, or finds carried out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from include.history.differences import NOTHING, Minute, fault, greatest, worst
from include.history.streamed import MEASUREMENT
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis.records import CandlePoint, MarketKey, Values
from include.warehouse.connection import Connection
from include.warehouse.statements import statement


def correct(
    connection: Connection,
    influxdb: InfluxDB,
    market: MarketKey,
    minutes: Sequence[Minute],
    stream: Mapping[int, Values],
) -> int:
    """
    Write the points of one UTC day that the stream has wrong or lacks; return how many.

    The connection is in autocommit mode.

    Raises:
        Unavailable: InfluxDB is away: run it again.
        Misconfigured: It refuses our token.
    """
    wrong: dict[str, list[CandlePoint]] = {}
    for minute in minutes:
        if reason := fault(minute.point, stream.get(minute.point.ts_ms)):
            wrong.setdefault(reason, []).append(minute.point)
    of_market = {**market._asdict(), "measurement": MEASUREMENT}
    for reason, points in wrong.items():
        differences = (worst(p, stream.get(p.ts_ms, NOTHING)) for p in points)
        plan = {
            "reason": reason,
            "first_ts": _at(points[0].ts_ms),
            "last_ts": _at(points[-1].ts_ms),
            "points": len(points),
            "max_relative_difference": greatest(differences) or None,
        }
        connection.execute(statement("history/corrections/plan"), of_market | plan)
    influxdb.write(lines.encode(point for points in wrong.values() for point in points))
    window = {"from_ts": _at(minutes[0].point.ts_ms), "until_ts": _at(minutes[-1].point.ts_ms + 1)}
    connection.execute(statement("history/corrections/finish"), of_market | window)
    return sum(map(len, wrong.values()))


def _at(ts_ms: int) -> datetime:
    return datetime.fromtimestamp(ts_ms / 1000, UTC)
