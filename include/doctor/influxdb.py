"""InfluxDB: whether it answers, and lets each token do what it is for."""

from datetime import UTC, datetime, timedelta

from include.influxdb.reader import Reader
from include.influxdb.retention import DAY_S, get_retention_s
from include.influxdb.writer import InfluxDB
from include.settings import Settings

RECENTLY = timedelta(minutes=1)
NO_POINT = b"# include.doctor"  # a comment: the right to write is asked for, nothing is written


def writes(settings: Settings) -> str:
    """
    Ask whether the writer's token writes to the bucket.

    Raises:
        Unavailable: InfluxDB is away.
        Misconfigured: It does not, or there is no such bucket.
    """
    influxdb = InfluxDB(settings)
    try:
        influxdb.write(NO_POINT)
    finally:
        influxdb.close()
    return f"writes to {settings.influx_bucket} at {settings.influx_url}"


def reads(settings: Settings) -> str:
    """
    Ask whether the reader's token reads the bucket.

    Raises:
        Unavailable: InfluxDB is away.
        Misconfigured: It does not, or there is no such bucket.
    """
    reader = Reader(settings)
    try:
        reader.rows("live/markets", {"start": datetime.now(UTC) - RECENTLY})
    finally:
        reader.close()
    return f"reads {settings.influx_bucket}"


def keeps(settings: Settings) -> str:
    """
    Ask whether the keeper's token sees the bucket's retention.

    Raises:
        Unavailable: InfluxDB is away.
        Misconfigured: It does not, or there is no such bucket.
    """
    days = get_retention_s(settings) // DAY_S
    return f"sees that the bucket keeps points {f'{days} days' if days else 'for ever'}"
