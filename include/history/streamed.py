"""What the stream told of closed minutes: InfluxDB's `crypto_candles`, read."""

from datetime import UTC, datetime
from typing import NamedTuple

from include.influxdb.reader import Reader
from include.kpis.records import MarketKey, Values

MEASUREMENT = "crypto_candles"
EVER = {"start": datetime(1970, 1, 1, tzinfo=UTC), "stop": datetime(2200, 1, 1, tzinfo=UTC)}
NO_FIELDS = {"result", "table", "_time"}


class Span(NamedTuple):
    """The start of the first and of the last minute the stream has of a market."""

    first: datetime
    last: datetime


def spans(reader: Reader) -> dict[MarketKey, Span]:
    """Return how far the stream's closed minutes reach, of every market it has."""
    times: dict[MarketKey, list[datetime]] = {}
    for row in reader.rows("history/spans", EVER):
        times.setdefault(MarketKey(row["exchange"], row["symbol"]), []).append(row["_time"])
    return {market: Span(min(found), max(found)) for market, found in times.items()}


def minutes(
    reader: Reader, market: MarketKey, start: datetime, stop: datetime
) -> dict[int, Values]:
    """Return the fields of the minutes that open in [start, stop), by their start in ms."""
    bound = {**market._asdict(), "start": start, "stop": stop}
    return {
        round(row["_time"].timestamp() * 1000): {
            name: value for name, value in row.items() if name not in NO_FIELDS
        }
        for row in reader.rows("history/candles", bound)
    }
