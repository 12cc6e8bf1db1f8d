"""What the live half wrote, read back by other means than it wrote with."""

import json
import time

import pytest
from influxdb_client import InfluxDBClient

from include.broker.log_reader import LogReader


class Bucket:
    """The bucket of the test's pipeline, and its dead letters."""

    def __init__(self, settings, token):
        self.settings = settings
        self.client = InfluxDBClient(
            url=settings.influx_url, org=settings.influx_org, token=token, timeout=20_000
        )

    def query(self, flux):
        tables = self.client.query_api().query(flux)
        return [record.values for table in tables for record in table.records]

    def points(self):
        """Return the fields of each point of crypto_prices by (symbol, time in ms)."""
        found = {}
        for row in self.query(
            f'from(bucket: "{self.settings.influx_bucket}") |> range(start: 0)'
            ' |> filter(fn: (r) => r._measurement == "crypto_prices")'
        ):
            ts_ms = round(row["_time"].timestamp() * 1000)
            found.setdefault((row["symbol"], ts_ms), {})[row["_field"]] = row["_value"]
        return found

    def wait_for(self, count, timeout_s=60):
        """Return once there are *count* points."""
        give_up_s = time.monotonic() + timeout_s
        while (found := len(self.points())) < count:
            assert time.monotonic() < give_up_s, f"expected {count} points, found {found}"
            time.sleep(0.1)

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
