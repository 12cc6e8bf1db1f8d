"""Offsets that no longer fit the topic: losses are recorded once, other cases are rejected."""

import pytest
from kafka import KafkaAdminClient, TopicPartition

from include.broker.log_reader import LogReader
from include.errors import Misconfigured, Unavailable
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.drain import drain
from include.warehouse.reset_offsets import reset_offsets
from tests.topics import remake_market_topic
from tests.warehouse.comparison import expected, found
from tests.warehouse.conftest import Producer, count, rows, send_once
from tests.warehouse.market import START_MS, snapshot


def delete_before(settings: Settings, keep: int) -> tuple[int, int]:
    """Delete all but the last *keep* offsets of the one filled partition: (partition, first)."""
    with LogReader(settings, settings.topic_market) as log:
        (partition, end), *_ = [(p, end) for p, end in log.ends().items() if end]
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    admin.delete_records({TopicPartition(settings.topic_market, partition): end - keep})
    admin.close()
    return partition, end - keep


REJECTIONS = "SELECT kind, next_offset, settled_at IS NULL FROM drain_rejections ORDER BY id"


@pytest.mark.fault(6)
def test_a_recreated_topic_is_rejected_and_recorded_once_and_nothing_is_skipped(
    settings: Settings, writer: Connection
):
    events = [snapshot(ts_ms=START_MS + n) for n in range(9)]
    send_once(settings, events[:5])
    drain(writer, settings)
    before = rows(writer, "SELECT * FROM kafka_offsets ORDER BY 1, 2")
    remake_market_topic(settings)

    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"partition \d: the next offset is .* recreated"):
            drain(writer, settings)

    assert rows(writer, "SELECT * FROM kafka_offsets ORDER BY 1, 2") == before
    assert rows(writer, REJECTIONS) == [("recreated", 0, True)]
    send_once(settings, events[4:])
    assert reset_offsets(writer, settings) == settings.market_partitions  # as the message advises
    again = drain(writer, settings)
    assert (again.snapshots, again.duplicates, again.caught_up) == (4, 1, True)
    assert found(writer) == expected(events)
    assert rows(writer, REJECTIONS) == [("recreated", 0, False)]
    losses = "SELECT from_offset, until_offset FROM kafka_losses WHERE from_offset > 0"
    assert rows(writer, losses) == [(6, None)]  # five snapshots and a marker; the end is unknown


@pytest.mark.fault(6)
def test_a_recreated_topic_filled_beyond_the_stored_offset_is_rejected(
    settings: Settings, writer: Connection
):
    send_once(settings, [snapshot(ts_ms=START_MS)])
    drain(writer, settings)
    remake_market_topic(settings)
    send_once(settings, [snapshot(ts_ms=START_MS + n) for n in range(1, 20)])

    with pytest.raises(Misconfigured, match="recreated"):
        drain(writer, settings)

    assert count(writer, "crypto_prices") == 1


@pytest.mark.fault(6)
def test_a_recreated_topic_with_fewer_partitions_is_rejected(
    settings: Settings, writer: Connection
):
    drain(writer, settings)
    remake_market_topic(settings.model_copy(update={"market_partitions": 1}))
    writer.execute("UPDATE kafka_offsets SET topic_id = NULL")  # as with a broker without topic ids

    with pytest.raises(Misconfigured, match=r"partition 1: .* the topic has 1 partitions"):
        drain(writer, settings)

    reset_offsets(writer, settings)
    assert drain(writer, settings).offsets == {"0": 0}


def test_a_topic_that_ends_before_the_stored_offset_is_rejected(
    settings: Settings, writer: Connection
):
    drain(writer, settings)
    writer.execute("UPDATE kafka_offsets SET next_offset = 7 WHERE partition = 2")

    with pytest.raises(Misconfigured, match=r"partition 2: the next offset is 7,.* ends at 0"):
        drain(writer, settings)

    assert rows(writer, REJECTIONS) == [("truncated", 7, True)]


@pytest.mark.fault(7)
def test_records_deleted_before_the_drain_are_recorded_as_a_loss(
    settings: Settings, producer: Producer, writer: Connection, reader: Connection
):
    events = [snapshot(ts_ms=START_MS + n) for n in range(9)]
    producer.send(events[:1])
    first = drain(writer, settings)
    producer.send(events[1:])
    partition, beginning = delete_before(settings, keep=4)  # three snapshots and the marker

    drained = drain(writer, settings)
    again = drain(writer, settings)

    stored = first.offsets[str(partition)]
    assert drained.lost_offsets == {str(partition): (stored, beginning)} == {str(partition): (2, 7)}
    assert (drained.snapshots, drained.caught_up, again.lost_offsets) == (3, True, {})
    assert rows(
        reader, "SELECT topic, partition, from_offset, until_offset, reason FROM kafka_losses"
    ) == [
        (
            settings.topic_market,
            partition,
            2,
            7,
            "records [2, 7) are gone: deleted before they were drained",
        )
    ]
    # an empty fold starts there, as in the live consumer
    fresh = expected(events[6:])["crypto_prices"]
    assert found(writer)["crypto_prices"] == expected(events[:1])["crypto_prices"] | fresh
    assert count(writer, "drain_rejections") == 0


@pytest.mark.fault(7)
def test_records_deleted_during_a_drain_are_unavailable_then_a_loss(
    settings: Settings, producer: Producer, writer: Connection, monkeypatch: pytest.MonkeyPatch
):
    drain(writer, settings)
    producer.send([snapshot(ts_ms=START_MS + n) for n in range(9)])
    ends = LogReader.ends

    def overtaken(reader: LogReader) -> dict[int, int]:
        answer = ends(reader)
        monkeypatch.undo()
        delete_before(settings, keep=4)
        return answer

    monkeypatch.setattr(LogReader, "ends", overtaken)

    with pytest.raises(Unavailable, match="expected offsets inside"):
        drain(writer, settings)
    drained = drain(writer, settings)

    assert list(drained.lost_offsets.values()) == [(0, 6)]
    assert rows(writer, "SELECT from_offset, until_offset FROM kafka_losses") == [(0, 6)]
