"""Read back what the live half wrote, by another client than it wrote with."""

import json

import pytest
from influxdb_client import InfluxDBClient

from include.broker.log_reader import LogReader
from tests.waiting import eventually


class Bucket:
    """The bucket of the test's pipeline, and the topic of its dead letters."""

    def __init__(self, settings, token):
        self.settings = settings
        self.client = InfluxDBClient(
            url=settings.influx_url, org=settings.influx_org, token=token, timeout=20_000
        )

    def query(self, flux):
        tables = self.client.query_api().query(flux)
        return [record.values for table in tables for record in table.records]

    def stored(self):
        """Return the market's points: fields by measurement, tags, and time in ms."""
        found = {}
        for row in self.query(
            f'from(bucket: "{self.settings.influx_bucket}") |> range(start: 0)'
            ' |> filter(fn: (r) => r._measurement != "pipeline_health")'
        ):
            tags = (row["exchange"], row["symbol"], row.get("interval"))
            place = (row["_measurement"], *tags, round(row["_time"].timestamp() * 1000))
            found.setdefault(place, {})[row["_field"]] = row["_value"]
        return found

    def points(self):
        """Return the fields of each point of crypto_prices by (symbol, time in ms)."""
        return {
            (symbol, ts_ms): fields
            for (measurement, _, symbol, _, ts_ms), fields in self.stored().items()
            if measurement == "crypto_prices"
        }

    def count(self):
        """Return the number of points in crypto_prices."""
        rows = self.query(
            f'from(bucket: "{self.settings.influx_bucket}") |> range(start: 0)'
            ' |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")'
            " |> group() |> count()"
        )
        return rows[0]["_value"] if rows else 0

    def wait_for(self, count):
        """Return once crypto_prices has *count* points."""
        eventually(lambda: self.count() >= count, lambda: f"{count} points, found {self.count()}")

    def dead_letters(self):
        found = []
        with LogReader(self.settings, self.settings.topic_dead_letters) as reader:
            ends = reader.ends()
            reader.seek(reader.beginnings())
            while any(reader.positions()[p] < end for p, end in ends.items()):
                found += [json.loads(r.value) for r in reader.poll(1_000, timeout_s=1.0)]
        return found


@pytest.fixture
def bucket(settings, influx_reader_token_file):
    bucket = Bucket(settings, influx_reader_token_file.read_text().strip())
    yield bucket
    bucket.client.close()
