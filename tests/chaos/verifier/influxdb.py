"""What InfluxDB holds of one symbol, by plain HTTP."""

import csv
import io
import json
import urllib.request
from datetime import datetime

from tests.chaos.verifier.verdict import Fields

NO_FIELDS = {"", "result", "table", "_time", "_start", "_stop"}


class Influx:
    """A bucket of InfluxDB 2, read with *token*."""

    def __init__(self, url: str, organization: str, bucket: str, token: str) -> None:
        self._url = f"{url}/api/v2/query?org={organization}"
        self._bucket = bucket
        self._token = token

    def points(self, measurement: str, symbol: str) -> dict[int, Fields]:
        """Return the fields of each point, by its time in ms."""
        rows = self._query(
            f'from(bucket: "{self._bucket}") |> range(start: 0, stop: 2099-01-01T00:00:00Z)'
            f' |> filter(fn: (r) => r._measurement == "{measurement}" and r.symbol == "{symbol}")'
            ' |> keep(columns: ["_time", "_field", "_value"])'
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
        )
        return {
            ms(row["_time"]): {k: float(v) for k, v in row.items() if v and k not in NO_FIELDS}
            for row in rows
        }

    def newest_ms(self, measurement: str, symbol: str) -> int:
        """Return the time of the last point; 0 if there is none."""
        rows = self._query(
            f'from(bucket: "{self._bucket}") |> range(start: 0, stop: 2099-01-01T00:00:00Z)'
            f' |> filter(fn: (r) => r._measurement == "{measurement}" and r.symbol == "{symbol}"'
            ' and r._field == "close") |> keep(columns: ["_time", "_value"]) |> last()'
        )
        return ms(rows[0]["_time"]) if rows else 0

    def _query(self, flux: str) -> list[dict[str, str]]:
        body = {"query": flux, "type": "flux", "dialect": {"annotations": [], "header": True}}
        request = urllib.request.Request(
            self._url,
            json.dumps(body).encode(),
            {
                "Authorization": f"Token {self._token}",
                "Content-Type": "application/json",
                "Accept": "application/csv",
            },
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return list(csv.DictReader(io.TextIOWrapper(answer, "utf-8", newline="")))


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
