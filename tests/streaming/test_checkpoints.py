"""Checkpoints on real Kafka: late at worst, never early, and never believed blindly."""

import itertools
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from include.broker.group_member import Extent, GroupMember
from include.broker.log_reader import LogReader
from include.broker.records import MAX_RECORD_BYTES
from include.broker.writer import AcknowledgedWriter, TransactionalWriter
from include.influxdb.writer import InfluxDB
from include.kpis.engine import KpiEngine
from include.kpis.records import MarketKey, MarketSnapshot
from include.streaming import checkpoints, progress
from include.streaming.checkpoints import Checkpoint
from include.streaming.consumer_loop import Consumer
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.partition import resumed
from include.streaming.partitions import Partitions
from include.streaming.point_writer import PointWriter
from include.streaming.progress import Progress
from include.streaming.write_behind import WriteBehind
from tests.streaming import market
from tests.streaming.consuming import (
    Consuming,
    folded,
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


def saved_by(settings, writer, checkpoint, partition=0):
    writer.write([checkpoints.saved(settings, partition, checkpoint)])
    return checkpoints.load(settings)


def test_floats_keep_every_bit(settings, writer):
    state = {"ema": [0.1 + 0.2, 6.37e-06, 118_449.02, 1e300], "n": 26, "none": None}

    found = saved_by(settings, writer, Checkpoint(12, state))

    assert found == {0: Checkpoint(12, state)}


def test_a_state_may_be_large(settings, writer):
    state = {"markets": "x" * (MAX_RECORD_BYTES - 10_000)}

    assert saved_by(settings, writer, Checkpoint(1, state))[0].fold == state


def test_the_producers_open_transaction_does_not_hide_them(settings, writer):
    """
    A producer killed while it publishes leaves one open for up to a minute.
    """
    killed = TransactionalWriter(settings, f"{settings.consumer_group}-killed")
    record = progress.saved(settings, MarketKey("binance", "BTC/USDT"), Progress())
    killed._producer.begin_transaction()
    killed._producer.send(record.topic, key=record.key, value=record.value).get(10)

    found = saved_by(settings, writer, Checkpoint(3, {}))

    killed.close()
    assert found[0].next_offset == 3


def test_another_groups_are_not_ours(settings, writer):
    saved_by(settings, writer, Checkpoint(1, {}))

    assert checkpoints.load(settings.model_copy(update={"consumer_group": "another"})) == {}


@pytest.mark.parametrize("value", [b"not json", b'{"v":2,"next_offset":1,"fold":{}}', b'{"v":1}'])
def test_an_unreadable_one_is_reported(settings, writer, value):
    good = checkpoints.saved(settings, 5, Checkpoint(8, {}))
    bad = checkpoints.saved(settings, 4, Checkpoint(7, {}))._replace(value=value)
    writer.write([good, bad])

    with capture_logs() as logs:
        found = checkpoints.load(settings)

    assert set(found) == {5}
    assert [line["event"] for line in logs] == ["checkpoint.unreadable"]


@pytest.mark.fault(7)
def test_one_outside_the_topic_is_reported_with_the_range_that_is_gone():
    with capture_logs() as logs:
        behind = resumed(2, Checkpoint(70, {}), Extent(100, 900))
        beyond = resumed(2, Checkpoint(901, {}), Extent(100, 900))
        inside = resumed(2, Checkpoint(900, KpiEngine().state()), Extent(100, 900))

    assert [p.next_offset for p in (behind, beyond, inside)] == [100, 100, 900]
    assert [line["event"] for line in logs] == ["checkpoint.outside_topic"] * 2
    assert logs[0]["why"] == "records [70, 100) are gone"
    assert (logs[1]["next_offset"], logs[1]["end"]) == (901, 900)


def test_the_fold_of_another_version_is_reported_and_folded_again():
    with capture_logs() as logs:
        afresh = resumed(2, Checkpoint(500, {"v": 1, "markets": {}}), Extent(100, 900))

    assert afresh.next_offset == 100
    assert [line["event"] for line in logs] == ["checkpoint.unreadable"]
    assert "expected a state of version 3, found 1" in logs[0]["why"]


@pytest.mark.fault(6)
def test_a_consumer_with_one_from_another_topic_starts_over(settings, writer, bucket):
    publish(settings, events(300))
    for partition in range(settings.market_partitions):
        writer.write([checkpoints.saved(settings, partition, Checkpoint(10**9, {}))])

    with Consuming(settings):
        wait_until_saved(settings)

    assert bucket.stored() == folded(settings)


@pytest.fixture
def no_turns(monkeypatch):
    """Let consumers save when they give back or stop, not every second."""
    monkeypatch.setattr("include.streaming.partitions.SAVE_EVERY_S", 3_600.0)


def ends(settings):
    with LogReader(settings, settings.topic_market) as reader:
        return reader.ends()


@pytest.mark.usefixtures("no_turns")
def test_whoever_has_to_share_saves_first(settings, bucket):
    published = list(events(300))
    publish(settings, published)

    with Consuming(settings):
        bucket.wait_for(sum(isinstance(event, MarketSnapshot) for event in published))
        before = offsets_saved(settings)
        with Consuming(settings):
            wait_for_members(settings, 2)
            assert set(before.values()) <= {0}
            assert offsets_saved(settings) == ends(settings)


def ignore(failure, wait_s):
    """Take a report nobody waits for."""


@pytest.mark.usefixtures("no_turns")
def test_after_a_graceful_stop_the_next_start_reads_nothing_again(settings, writer, bucket):
    published = list(events(300))
    publish(settings, published)
    with Consuming(settings):
        bucket.wait_for(sum(isinstance(event, MarketSnapshot) for event in published))

    with (
        closing(InfluxDB(settings)) as sink,
        closing(WriteBehind(settings, PointWriter(sink, ignore), writer)) as behind,
    ):
        partitions = Partitions(settings, writer, behind)
        with closing(GroupMember(settings, settings.topic_market, partitions)) as member:
            consumer = Consumer(member, partitions, behind, ConsumerHealth(settings))

            def owns_all():
                consumer.round()
                return len(partitions.owned) == settings.market_partitions

            eventually(owns_all, "all partitions", timeout_s=20, pause_s=0)
            for _ in range(3):
                consumer.round()
            consumer.finish()

    assert offsets_saved(settings) == ends(settings)
    assert consumer.counts["records"] == 0


@pytest.mark.fault(6)
def test_a_topic_made_again_and_filled_beyond_the_checkpoint_is_read_from_its_beginning(
    settings, bucket
):
    """
    All offsets fit: only the topic's id tells that its records are others.
    """
    publish(settings, events(150))
    with Consuming(settings):
        wait_until_saved(settings)
    before = bucket.stored()
    remake_market_topic(settings)
    publish(settings, itertools.islice(market.stream(), 100, 600))

    with capture_logs() as logs, Consuming(settings):
        wait_until_saved(settings)

    assert {line["event"] for line in logs if line["log_level"] == "error"} == {
        "checkpoint.outside_topic"
    }
    after = folded(settings)
    assert bucket.stored() == {p: before.get(p, {}) | after.get(p, {}) for p in before | after}
    logs.clear()
    with Consuming(settings):
        wait_until_saved(settings)
    assert [line for line in logs if line["log_level"] == "error"] == []


def test_what_influxdb_has_not_is_never_saved(settings, bucket):
    """
    The fold is ahead of InfluxDB when its write fails: that state must not survive.
    """
    publish(settings, events(400))
    away = settings.model_copy(update={"influx_url": "http://127.0.0.1:1"})
    with capture_logs() as logs, Consuming(away) as consuming:
        eventually(
            lambda: [x for x in logs if x["event"] == "influxdb.unavailable"],
            "a complaint",
            timeout_s=20,
        )
        consuming.stop()

    assert set(offsets_saved(settings).values()) <= {0}
    with Consuming(settings):
        wait_until_saved(settings)
    assert bucket.stored() == folded(settings)
