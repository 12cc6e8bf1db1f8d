"""Read a topic as one of a consumer group: partitions are shared, offsets committed by hand."""

from collections.abc import Iterable

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError

from include.broker.connection import client_options, kafka_errors
from include.broker.records import Record
from include.errors import Unavailable
from include.settings import Settings


class GroupMember:
    """
    One member of the consumer group of `settings.consumer_group`.

    Nothing is committed but by `commit`; a new group starts at the topic's beginning.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        with kafka_errors(settings, f"joining {settings.consumer_group}"):
            self._consumer = KafkaConsumer(
                topic,
                **client_options(settings),
                client_id="crypto-kpi-consumer",
                group_id=settings.consumer_group,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                allow_auto_create_topics=False,
                session_timeout_ms=10_000,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """
        Return the next records of this member's partitions; empty if none came in time.

        Raises:
            Unavailable: The broker is away: exit and resume.
        """
        with kafka_errors(self._settings, f"reading {self._topic}"):
            polled = self._consumer.poll(int(timeout_s * 1000), max_records=max_records)
        return [
            Record(r.topic, r.partition, r.offset, r.key, r.value)
            for records in polled.values()
            for r in records
        ]

    def commit(self, partitions: Iterable[int]) -> None:
        """
        Commit that all `poll` returned of these *partitions* is done with.

        The position is committed, not the last record's offset + 1: it is beyond the markers.

        Raises:
            Unavailable: The broker is away, or the partitions are somebody else's by now: what was
                read since the last commit will be read again.
        """
        with kafka_errors(self._settings, "committing offsets"):
            done = [TopicPartition(self._topic, partition) for partition in partitions]
            try:
                offsets = {tp: OffsetAndMetadata(self._consumer.position(tp)) for tp in done}
                self._consumer.commit(offsets)
            except CommitFailedError as e:
                raise Unavailable(f"the group gave our partitions away: {e}") from e

    def lag(self) -> int:
        """Return how many offsets of our partitions are still to be read, as last heard."""
        behind = 0
        for tp in self._consumer.assignment():
            end = self._consumer.highwater(tp)
            if end is not None:
                behind += max(0, end - self._consumer.position(tp, timeout_ms=1_000))
        return behind

    def close(self) -> None:
        """Leave the group, so that its partitions move at once."""
        self._consumer.close(autocommit=False, timeout_ms=3_000)
