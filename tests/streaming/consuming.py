"""Run consumers, publish to them, and compute the points that they should write."""

import itertools
import math
import subprocess
import sys
import threading
from contextlib import contextmanager

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

from include import wire
from include.broker.log_reader import LogReader
from include.broker.records import Outgoing
from include.broker.writer import TransactionalWriter
from include.errors import BadRecord, Misconfigured, Unavailable
from include.kpis.engine import KpiEngine
from include.kpis.records import CandlePoint, LastTradePoint, PricePoint, SecondPoint
from include.streaming.consumer import consume
from include.streaming.partitions import load_checkpoints
from tests.waiting import eventually

MEASUREMENTS = {
    PricePoint: ("crypto_prices", None),
    SecondPoint: ("crypto_trades", None),
    CandlePoint: ("crypto_candles", "1m"),
    LastTradePoint: ("crypto_last_trade", None),
}


def publish(settings, events):
    """Publish in transactions, as a producer does."""
    with open_publisher(settings) as write:
        for some in itertools.batched(events, 200):
            write(some)


@contextmanager
def open_publisher(settings):
    writer = TransactionalWriter(settings, f"{settings.consumer_group}-test")

    def write(events):
        topic = settings.topic_market
        writer.write(
            [Outgoing(topic, f"{e.exchange}:{e.symbol}".encode(), wire.encode(e)) for e in events]
        )

    try:
        yield write
    finally:
        writer.close()


class BackgroundPublisher:
    """Publishes about two hundred records a second while the context lasts."""

    def __init__(self, settings, events):
        self.settings = settings
        self.events = events
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            with open_publisher(self.settings) as write:
                while not self.stopping.wait(0.05):
                    write(list(itertools.islice(self.events, 16)))
        except Unavailable as e:
            self.failure = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(30)
        assert self.failure is None


class RunningConsumer:
    """Runs the consumer in a thread, which is stopped and joined at the end."""

    def __init__(self, settings):
        self.settings = settings
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            consume(self.settings, self.stopping)
        except (Misconfigured, Unavailable) as e:
            self.failure = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


@contextmanager
def consumer_process(environment, folder):
    """Run the consumer as a process; kill it at the end."""
    with (folder / "consumer.log").open("a") as log:
        command = [sys.executable, "-m", "include.streaming.consumer"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


@contextmanager
def _admin(settings):
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    try:
        yield admin
    finally:
        admin.close()


def wait_for_members(settings, count):
    """Return once the group has *count* members and is stable."""
    with _admin(settings) as admin:

        def found():
            group = admin.describe_groups([settings.consumer_group])[settings.consumer_group]
            return group["group_state"], len(group["members"])

        eventually(
            lambda: found() == ("Stable", count),
            lambda: f"{count} members, found {found()}",
            timeout_s=30,
        )


def remove_members(settings):
    """Remove all members from the group, as Kafka does when the session of a dead one ends."""
    with _admin(settings) as admin:
        group = admin.describe_groups([settings.consumer_group])[settings.consumer_group]
        members = [MemberToRemove(member_id=member["member_id"]) for member in group["members"]]
        if members:
            admin.remove_group_members(settings.consumer_group, members)


def wait_until_saved(settings, timeout_s=60):
    """Return once the checkpoints are at the end of the topic."""
    with LogReader(settings, settings.topic_market) as reader:
        ends = reader.ends()
    eventually(
        lambda: offsets_saved(settings) == ends,
        lambda: f"{ends}, found {offsets_saved(settings)}",
        timeout_s=timeout_s,
    )


def wait_until_saved_further(settings, before):
    """Return once the checkpoints have passed *before*, a result of `offsets_saved`."""
    reached = sum(before.values())
    eventually(
        lambda: sum(offsets_saved(settings).values()) > reached, f"more than {before}", timeout_s=30
    )


def offsets_saved(settings):
    return {number: saved.next_offset for number, saved in load_checkpoints(settings).items()}


def compute_points(settings):
    """
    Return the points of an uninterrupted consumer: one KPI engine per partition.

    The form is that of `Bucket.stored`. A point that is written again has the fields of both, with
    the later values.
    """
    engines, found = {}, {}
    with LogReader(settings, settings.topic_market) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        while any(reader.positions()[p] < end for p, end in ends.items()):
            for record in reader.poll(5_000, timeout_s=1.0):
                engine = engines.setdefault(record.partition, KpiEngine())
                try:
                    points = engine.update(wire.decode(record.value))
                except BadRecord:
                    continue
                for point in points:
                    _store(found, point)
    return found


def _store(found, point):
    measurement, interval = MEASUREMENTS[type(point)]
    fields = {k: v for k, v in point.values.items() if v is not None and math.isfinite(v)}
    if fields:
        place = (measurement, point.exchange, point.symbol, interval, point.ts_ms)
        found.setdefault(place, {}).update(fields)
