"""Read all partitions of a topic from chosen offsets, without membership in a group."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self
from uuid import UUID

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from include.broker.connection import (
    REQUEST_TIMEOUT_MS,
    client_options,
    get_topic_id,
    translate_errors,
)
from include.broker.records import Record
from include.errors import Misconfigured, Unavailable
from include.settings import Settings

FETCH_WAIT_MS = 20


class LogReader:
    """
    Reads one topic from offsets that the caller stores.

    Transaction markers and aborted records leave gaps in the offsets. Store `positions()`, never
    the last record's offset + 1. The end of a partition is its last stable offset.
    """

    def __init__(
        self, settings: Settings, topic: str, *, committed_only: bool = True, group: str = ""
    ) -> None:
        """
        Connect. Call `seek` before the first `poll`.

        Args:
            settings: The broker.
            topic: The topic to read.
            committed_only: Whether to leave out the records of open and aborted transactions.
            group: Name under which `commit` stores offsets in Kafka; empty for none. The readers
                of a group share only these offsets.

        Raises:
            Unavailable: Kafka is unreachable.
            Misconfigured: The topic is missing, or Kafka rejects the connection.
        """
        self._settings = settings
        self._topic = topic
        with translate_errors(settings, f"reading {topic}"):
            self._consumer = KafkaConsumer(
                **client_options(settings),
                client_id="crypto-kpi-reader",
                group_id=group or None,
                isolation_level="read_committed" if committed_only else "read_uncommitted",
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                max_partition_fetch_bytes=4 * 1024 * 1024,
                # Return what is there. With the default, a drain spent half its time waiting.
                fetch_max_wait_ms=FETCH_WAIT_MS,
            )
            numbers = self._consumer.partitions_for_topic(topic)
            if not numbers:
                self._consumer.close()
                raise Misconfigured(
                    f"topic {topic} is missing at {settings.kafka_bootstrap}: "
                    "create it with `python -m include.broker.topics`"
                )
            self._partitions = [TopicPartition(topic, n) for n in sorted(numbers)]
            self._consumer.assign(self._partitions)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def topic_id(self) -> UUID | None:
        """Return Kafka's id of the topic, which changes if it is recreated; None if it has none."""
        return get_topic_id(self._consumer, self._topic)

    def beginnings(self) -> dict[int, int]:
        """Return each partition's first offset (low watermark)."""
        with translate_errors(self._settings, f"reading the first offsets of {self._topic}"):
            found = self._consumer.beginning_offsets(self._partitions)
        return {tp.partition: offset for tp, offset in found.items()}

    def ends(self) -> dict[int, int]:
        """Return each partition's last stable offset, exclusive."""
        with translate_errors(self._settings, f"reading the last offsets of {self._topic}"):
            found = self._consumer.end_offsets(self._partitions)
        return {tp.partition: offset for tp, offset in found.items()}

    def offsets_at(self, ts_ms: int) -> dict[int, int]:
        """Return each partition's first offset written at or after *ts_ms*; its end if none was."""
        with translate_errors(self._settings, f"reading the offsets of {self._topic} at {ts_ms}"):
            found = self._consumer.offsets_for_times(dict.fromkeys(self._partitions, ts_ms))
        ends = self.ends()
        return {
            tp.partition: ends[tp.partition] if position is None else position.offset
            for tp, position in found.items()
        }

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Continue from *offsets*. Each partition requires one before the first `poll`."""
        for partition, offset in offsets.items():
            self._consumer.seek(TopicPartition(self._topic, partition), offset)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """
        Return the next records.

        Args:
            max_records: Maximum number of records.
            timeout_s: How long to wait for a record.

        Returns:
            Records in order within a partition; empty if none arrived in time.

        Raises:
            Unavailable: Kafka is unreachable, or an offset is outside the topic.
        """
        with translate_errors(self._settings, f"reading {self._topic}"):
            try:
                polled = self._consumer.poll(int(timeout_s * 1000), max_records=max_records)
            except OffsetOutOfRangeError as e:
                text = f"expected offsets inside {self._topic}: {e}"
                raise Unavailable(text, dependency="kafka") from e
        return [
            Record(r.topic, r.partition, r.offset, r.key, r.value)
            for records in polled.values()
            for r in records
        ]

    def positions(self) -> dict[int, int]:
        """Return, for each partition, the offset at which the next `poll` continues."""
        with translate_errors(self._settings, f"reading {self._topic}"):
            return {tp.partition: self._consumer.position(tp) for tp in self._partitions}

    def committed(self) -> dict[int, int]:
        """Return the last committed offsets of the group; a partition without one is left out."""
        with translate_errors(self._settings, "reading committed offsets"):
            found = {tp.partition: self._consumer.committed(tp) for tp in self._partitions}
        return {partition: offset for partition, offset in found.items() if offset is not None}

    def commit(self) -> None:
        """Commit `positions()` for the group. All records before them are processed."""
        offsets = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset)
            for partition, offset in self.positions().items()
        }
        with translate_errors(self._settings, "committing offsets"):
            self._consumer.commit(offsets, timeout_ms=REQUEST_TIMEOUT_MS)


def read_latest_by_key(
    settings: Settings, topic: str, *, prefix: bytes = b"", committed_only: bool = True
) -> dict[bytes, bytes]:
    """
    Read a compacted topic to its end. Return the last value of each key.

    Args:
        settings: The broker.
        topic: The topic to read.
        prefix: Only keys that start with it are returned.
        committed_only: Whether to read committed records only. Pass False for records that are in
            no transaction. An open transaction before them would hide them.

    Returns:
        Values by key, without deleted keys.

    Raises:
        Unavailable: Kafka is unreachable.
        Misconfigured: The topic is missing.
    """
    latest: dict[bytes, bytes] = {}
    with LogReader(settings, topic, committed_only=committed_only) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        while any(reader.positions()[p] < end for p, end in ends.items()):
            for record in reader.poll(5_000, timeout_s=1.0):
                if record.key is None or not record.key.startswith(prefix):
                    continue
                if record.value is None:
                    latest.pop(record.key, None)
                else:
                    latest[record.key] = record.value
    return latest


def read_record(settings: Settings, topic: str, partition: int, offset: int) -> Record | None:
    """
    Return the record at a position. Return None if the topic does not have it.

    Raises:
        Unavailable: Kafka is unreachable.
        Misconfigured: The topic is missing.
    """
    with LogReader(settings, topic, committed_only=False) as reader:
        beginnings, ends = reader.beginnings(), reader.ends()
        if partition not in ends or not beginnings[partition] <= offset < ends[partition]:
            return None
        reader.seek(ends | {partition: offset})
        while reader.positions()[partition] <= offset:
            for record in reader.poll(1, timeout_s=1.0):
                if (record.partition, record.offset) == (partition, offset):
                    return record
    return None
