"""
How fast snapshots become points, against influxd alone; `python -m bench.consumer [snapshots]`.

Starts a Kafka and an InfluxDB of its own, fills a topic with snapshots of markets that have a
session and a MACD, then takes turns: the consumer from the topic's beginning into an empty bucket,
and the very lines it wrote, prebuilt, in the same batches through the same client, into another.
Prints the medians as one line of JSON.
"""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import batched
from typing import Any

from bench.pipeline import new_pipeline
from bench.servers import running
from include import wire
from include.broker.group_member import GroupMember
from include.broker.records import Outgoing
from include.broker.writer import AcknowledgedWriter, TransactionalWriter
from include.influxdb.writer import InfluxDB
from include.kpis.records import Candle, Event, Level, MarketKey, MarketSnapshot, Trade, Trades
from include.runtime import run_command, tune_gc
from include.settings import Settings
from include.streaming.consumer import ConsumerLoop
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.partitions import Partitions
from include.streaming.write_behind import PointWriter, Sink, WriteBehind
from local.line import Line
from local.provision.influxdb import InfluxAdmin

SNAPSHOTS, ROUNDS = 100_000, 5
SNAPSHOT_EVERY_MS, MINUTE_MS = 250, 60_000
CANDLES = 60  # before the first snapshot: MACD and session have values then
START_MS = 1_709_208_000_000  # 2024-02-29 12:00 UTC
MARKETS = tuple(MarketKey("binance", f"{base}/USDT") for base in ("BTC", "ETH", "SOL", "XRP"))


def events(snapshots: int) -> Iterator[Event]:
    """Yield an hour of candles and a trade of each market, then their snapshots in turn."""
    chance = random.Random(4)
    for market in MARKETS:
        for minute in range(CANDLES, 0, -1):
            open_ms, close = START_MS - minute * MINUTE_MS, chance.uniform(99.0, 101.0)
            ohlc = (100.0, 101.0, 99.0, close)
            yield Candle(*market, open_ms, START_MS, *ohlc, 750.0, 75_000.0, 6_000)
        yield Trades(*market, START_MS, (Trade(1, 1, 1, START_MS, 100.0, 0.5, "buy"),))
    for number in range(snapshots // len(MARKETS)):
        for market in MARKETS:
            yield _snapshot(chance, market, START_MS + (number + 1) * SNAPSHOT_EVERY_MS)


def _snapshot(chance: random.Random, market: MarketKey, ts_ms: int) -> MarketSnapshot:
    mid = 100.0 * chance.uniform(0.99, 1.01)
    bids = tuple(Level(mid - 0.01 * n, chance.expovariate(1.0)) for n in range(1, 21))
    asks = tuple(Level(mid + 0.01 * n, chance.expovariate(1.0)) for n in range(1, 21))
    day = (99.0, 101.0, 98.0, mid, 1e5 * chance.random(), 1e7 * chance.random())
    return MarketSnapshot(*market, ts_ms, ts_ms + 40, *day, bids, asks)


class RecordingSink:
    """InfluxDB, and what was written to it."""

    def __init__(self, sink: InfluxDB) -> None:
        self._sink = sink
        self.batches: list[bytes] = []

    def write(self, lines: bytes) -> None:
        self._sink.write(lines)
        self.batches.append(lines)


class Bench:
    """One topic, filled, and as many buckets as rounds."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._admin = InfluxAdmin(line.layout, line.ports)
        self._admin.sign_in()
        self._filled = new_pipeline(line, self._admin)
        self._records = 0

    def fill(self, snapshots: int) -> None:
        """Write the topic as the producer would."""
        writer = TransactionalWriter(self._filled, "bench")
        for some in batched(events(snapshots), 200):
            writer.write([self._outgoing(event) for event in some])
            self._records += len(some)
        writer.close()

    def consumed(self) -> tuple[float, list[bytes]]:
        """Consume all into a new bucket; return the seconds from the first poll, and the lines."""
        settings = self._settings()
        health = ConsumerHealth(settings)
        with (
            closing(InfluxDB(settings)) as influx,
            closing(AcknowledgedWriter(settings, "bench")) as writer,
            closing(_behind(settings, sink := RecordingSink(influx), writer)) as behind,
        ):
            partitions = Partitions(settings, writer, behind)
            health.session_began(partitions)
            with closing(GroupMember(settings, settings.topic_market, partitions)) as member:
                consumer = ConsumerLoop(member, partitions, behind, health)
                while not partitions.owned:  # joining the group is nobody's speed
                    consumer.poll_once()
                began_s = time.perf_counter()
                while consumer.counts["records"] < self._records:
                    consumer.poll_once()
                consumer.finish()
                return time.perf_counter() - began_s, sink.batches

    def written(self, batches: list[bytes]) -> float:
        """Write the same lines into a new bucket; return the seconds that took."""
        with closing(InfluxDB(self._settings())) as influx:
            began_s = time.perf_counter()
            for batch in batches:
                influx.write(batch)
            return time.perf_counter() - began_s

    def _settings(self) -> Settings:
        return new_pipeline(self._line, self._admin, self._filled.topic_market)

    def _outgoing(self, event: Event) -> Outgoing:
        key = f"{event.exchange}:{event.symbol}".encode()
        topic = self._filled.topic_market
        return Outgoing(topic, key, wire.encode(event), wire.type_of(event))


def _behind(settings: Settings, sink: Sink, writer: AcknowledgedWriter) -> WriteBehind:
    return WriteBehind(settings, PointWriter(sink, lambda failure, wait_s: None), writer)


def measure(bench: Bench, snapshots: int, rounds: int) -> dict[str, Any]:
    """Take turns; return medians, in points a second."""
    bench.fill(snapshots)
    _, batches = bench.consumed()  # warms both servers
    bench.written(batches)
    consumer_rates, influx_rates = [], []
    for _ in range(rounds):
        took_s, batches = bench.consumed()
        points = sum(batch.count(b"\n") + 1 for batch in batches if batch)
        consumer_rates.append(points / took_s)
        influx_rates.append(points / bench.written(batches))
    ratios = [c / i for c, i in zip(consumer_rates, influx_rates, strict=True)]
    return {
        "points": points,
        "batches": len(batches),
        "rounds": rounds,
        "consumer_points_per_s": round(statistics.median(consumer_rates)),
        "influxd_points_per_s": round(statistics.median(influx_rates)),
        "ratio": round(statistics.median(ratios), 3),
        "load_average": round(os.getloadavg()[0], 1),
    }


def benchmark(snapshots: int) -> None:
    """Run the benchmark on servers of its own; print one line of JSON."""
    with tune_gc(), running("kafka", "influxdb") as line:  # as the consumer's own process
        print(json.dumps(measure(Bench(line), snapshots, ROUNDS)))


def main() -> int:
    snapshots = int(sys.argv[1]) if len(sys.argv) > 1 else SNAPSHOTS
    return run_command("bench.consumer", lambda: benchmark(snapshots))


if __name__ == "__main__":
    sys.exit(main())
