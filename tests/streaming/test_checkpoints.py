"""Checkpoints on real Kafka may be late, are never early, and are validated when loaded."""

import itertools
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from include.broker.group_member import GroupMember, OffsetRange
from include.broker.log_reader import LogReader
from include.broker.records import MAX_RECORD_BYTES
from include.broker.writer import AcknowledgedWriter, TransactionalWriter
from include.influxdb.writer import InfluxDB
from include.kpis.engine import KpiEngine
from include.kpis.records import MarketKey, MarketSnapshot
from include.streaming.consumer import ConsumerLoop
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.market_feed import Progress
from include.streaming.partitions import (
    Checkpoint,
    Partitions,
    encode_checkpoint,
    load_checkpoints,
    resume_partition,
)
from include.streaming.publishing import encode_progress
from include.streaming.write_behind import PointWriter, WriteBehind
from tests.streaming import market
from tests.streaming.consuming import (
    RunningConsumer,
    compute_points,
    offsets_saved,
    publish,
    wait_for_members,
    wait_until_saved,
)
from tests.topics import remake_market_topic
from tests.waiting import eventually


@pytest.fixture
def writer(settings):
    writer = AcknowledgedWriter(settings, "test")
    yield writer
    writer.close()


def events(count):
    return itertools.islice(market.stream(), count)


def save_and_load(settings, writer, checkpoint, partition=0):
    writer.write([encode_checkpoint(settings, partition, checkpoint)])
    return load_checkpoints(settings)


def test_floats_keep_every_bit(settings, writer):
    state = {"ema": [0.1 + 0.2, 6.37e-06, 118_449.02, 1e300], "n": 26, "none": None}

    found = save_and_load(settings, writer, Checkpoint(12, state))

    assert found == {0: Checkpoint(12, state)}


def test_a_state_may_be_large(settings, writer):
    state = {"markets": "x" * (MAX_RECORD_BYTES - 10_000)}

    assert save_and_load(settings, writer, Checkpoint(1, state))[0].fold == state


def test_an_open_transaction_of_the_producer_does_not_hide_checkpoints(settings, writer):
    """
    A producer that is killed while it publishes leaves a transaction open for up to a minute.
    """
    killed = TransactionalWriter(settings, f"{settings.consumer_group}-killed")
    record = encode_progress(settings, MarketKey("binance", "BTC/USDT"), Progress())
    killed._producer.begin_transaction()
    killed._producer.send(record.topic, key=record.key, value=record.value).get(10)

    found = save_and_load(settings, writer, Checkpoint(3, {}))

    killed.close()
    assert found[0].next_offset == 3


def test_checkpoints_of_another_group_are_ignored(settings, writer):
    save_and_load(settings, writer, Checkpoint(1, {}))

    assert load_checkpoints(settings.model_copy(update={"consumer_group": "another"})) == {}


@pytest.mark.parametrize("value", [b"not json", b'{"v":2,"next_offset":1,"fold":{}}', b'{"v":1}'])
def test_an_unreadable_checkpoint_is_logged(settings, writer, value):
    good = encode_checkpoint(settings, 5, Checkpoint(8, {}))
    bad = encode_checkpoint(settings, 4, Checkpoint(7, {}))._replace(value=value)
    writer.write([good, bad])

    with capture_logs() as logs:
        found = load_checkpoints(settings)

    assert set(found) == {5}
    assert [line["event"] for line in logs] == ["checkpoint.unreadable"]


@pytest.mark.fault(7)
def test_a_checkpoint_outside_the_topic_is_logged_with_the_lost_range():
    with capture_logs() as logs:
        behind = resume_partition(2, Checkpoint(70, {}), OffsetRange(100, 900))
        beyond = resume_partition(2, Checkpoint(901, {}), OffsetRange(100, 900))
        inside = resume_partition(2, Checkpoint(900, KpiEngine().state()), OffsetRange(100, 900))

    assert [p.next_offset for p in (behind, beyond, inside)] == [100, 100, 900]
    assert [line["event"] for line in logs] == ["checkpoint.outside_topic"] * 2
    assert logs[0]["why"] == "records [70, 100) are gone"
    assert (logs[1]["next_offset"], logs[1]["end"]) == (901, 900)


def test_the_state_of_another_version_is_logged_and_computed_again():
    with capture_logs() as logs:
        restarted = resume_partition(
            2, Checkpoint(500, {"v": 1, "markets": {}}), OffsetRange(100, 900)
        )

    assert restarted.next_offset == 100
    assert [line["event"] for line in logs] == ["checkpoint.unreadable"]
    assert "expected a state of version 3, found 1" in logs[0]["why"]


@pytest.mark.fault(6)
def test_a_consumer_with_a_checkpoint_of_another_topic_starts_over(settings, writer, bucket):
    publish(settings, events(300))
    for partition in range(settings.market_partitions):
        writer.write([encode_checkpoint(settings, partition, Checkpoint(10**9, {}))])

    with RunningConsumer(settings):
        wait_until_saved(settings)

    assert bucket.stored() == compute_points(settings)


@pytest.fixture
def no_periodic_saves(monkeypatch):
    """Let consumers save when partitions are revoked or they stop, not every second."""
    monkeypatch.setattr("include.streaming.partitions.SAVE_INTERVAL_S", 3_600.0)


def ends(settings):
    with LogReader(settings, settings.topic_market) as reader:
        return reader.ends()


@pytest.mark.usefixtures("no_periodic_saves")
def test_a_consumer_saves_before_its_partitions_move(settings, bucket):
    published = list(events(300))
    publish(settings, published)

    with RunningConsumer(settings):
        bucket.wait_for(sum(isinstance(event, MarketSnapshot) for event in published))
        before = offsets_saved(settings)
        with RunningConsumer(settings):
            wait_for_members(settings, 2)
            assert set(before.values()) <= {0}
            assert offsets_saved(settings) == ends(settings)


def ignore(failure, wait_s):
    """Discard a report."""


@pytest.mark.usefixtures("no_periodic_saves")
def test_after_a_graceful_stop_the_next_start_reads_nothing_again(settings, writer, bucket):
    published = list(events(300))
    publish(settings, published)
    with RunningConsumer(settings):
        bucket.wait_for(sum(isinstance(event, MarketSnapshot) for event in published))

    with (
        closing(InfluxDB(settings)) as sink,
        closing(WriteBehind(settings, PointWriter(sink, ignore), writer)) as queue,
    ):
        partitions = Partitions(settings, writer, queue)
        with closing(GroupMember(settings, settings.topic_market, partitions)) as member:
            loop = ConsumerLoop(member, partitions, queue, ConsumerHealth(settings))

            def owns_all():
                loop.poll_once()
                return len(partitions.owned) == settings.market_partitions

            eventually(owns_all, "all partitions", timeout_s=20, pause_s=0)
            for _ in range(3):
                loop.poll_once()
            loop.finish()

    assert offsets_saved(settings) == ends(settings)
    assert loop.counts["records"] == 0


@pytest.mark.fault(6)
def test_a_recreated_topic_is_read_from_its_beginning(settings, bucket):
    """
    All offsets are within the new topic: only the topic's id differs.
    """
    publish(settings, events(150))
    with RunningConsumer(settings):
        wait_until_saved(settings)
    before = bucket.stored()
    remake_market_topic(settings)
    publish(settings, itertools.islice(market.stream(), 100, 600))

    with capture_logs() as logs, RunningConsumer(settings):
        wait_until_saved(settings)

    assert {line["event"] for line in logs if line["log_level"] == "error"} == {
        "checkpoint.outside_topic"
    }
    after = compute_points(settings)
    assert bucket.stored() == {p: before.get(p, {}) | after.get(p, {}) for p in before | after}
    logs.clear()
    with RunningConsumer(settings):
        wait_until_saved(settings)
    assert [line for line in logs if line["log_level"] == "error"] == []


def test_state_ahead_of_influxdb_is_never_saved(settings, bucket):
    """
    When a write fails, the engine is ahead of InfluxDB: that state must not be saved.
    """
    publish(settings, events(400))
    away = settings.model_copy(update={"influx_url": "http://127.0.0.1:1"})
    with capture_logs() as logs, RunningConsumer(away) as consumer:
        eventually(
            lambda: [x for x in logs if x["event"] == "influxdb.unavailable"],
            "influxdb.unavailable in the log",
            timeout_s=20,
        )
        consumer.stop()

    assert set(offsets_saved(settings).values()) <= {0}
    with RunningConsumer(settings):
        wait_until_saved(settings)
    assert bucket.stored() == compute_points(settings)
