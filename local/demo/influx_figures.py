"""What InfluxDB holds of a line, asked with the read-only token."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from include.errors import Unavailable

EPOCH = datetime.fromtimestamp(0, UTC)

# The last point of each symbol, one row with all its fields.
LATEST = """
from(bucket: bucket)
  |> range(start: since)
  |> filter(fn: (r) => r._measurement == "crypto_prices")
  |> last()
  |> pivot(rowKey: ["exchange", "symbol"], columnKey: ["_field"], valueColumn: "_value")
"""

COUNT = """
from(bucket: bucket)
  |> range(start: since)
  |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
  |> group(columns: ["exchange", "symbol"])
  |> count()
"""

# The time of the last point of each symbol: `last` of one field keeps it.
TIMES = """
from(bucket: bucket)
  |> range(start: since)
  |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
  |> last()
"""


class Latest(NamedTuple):
    """A symbol's last point."""

    time: datetime
    values: dict[str, float]


class InfluxFigures:
    """Questions about one bucket."""

    def __init__(self, *, url: str, org: str, bucket: str, token: str) -> None:
        self._bucket = bucket
        self._client = InfluxDBClient(url=url, org=org, token=token, timeout=10_000)
        self._query_api = self._client.query_api()

    def latest(self, window: timedelta = timedelta(hours=1)) -> dict[str, Latest]:
        """Return the last point of each `exchange:symbol` that had one within *window*."""
        since = datetime.now(UTC) - window
        times = {_market(row): row["_time"] for row in self._rows(TIMES, since)}
        return {
            market: Latest(times[market], {k: v for k, v in row.items() if isinstance(v, float)})
            for row in self._rows(LATEST, since)
            if (market := _market(row)) in times
        }

    def points(self, since: datetime = EPOCH) -> dict[str, int]:
        """Return how many points of `crypto_prices` each `exchange:symbol` has from *since* on."""
        return {_market(row): int(row["_value"]) for row in self._rows(COUNT, since)}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _rows(self, flux: str, since: datetime) -> list[dict[str, Any]]:
        try:
            tables = self._query_api.query(flux, params={"bucket": self._bucket, "since": since})
        except ApiException as e:
            raise Unavailable(f"InfluxDB answered {e.status}") from e
        except (HTTPError, OSError) as e:
            raise Unavailable(f"InfluxDB: {type(e).__name__}") from e
        return [record.values for table in tables for record in table.records]


def _market(row: dict[str, Any]) -> str:
    return f"{row['exchange']}:{row['symbol']}"
