"""
Read a topic as a member of a consumer group.

The caller stores the offsets it reads from. The offsets committed to Kafka show the lag, and a
rejected commit shows that the member is out of the group.
"""

import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol
from uuid import UUID

from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka.admin import MemberToRemove
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from include.broker.connection import (
    REQUEST_TIMEOUT_MS,
    client_options,
    get_topic_id,
    translate_errors,
)
from include.broker.records import Record
from include.settings import Settings

# After a crash no other member reads the partitions for this long; Kafka's minimum is 6 s.
SESSION_TIMEOUT_MS = 6_000
HEARTBEAT_INTERVAL_MS = SESSION_TIMEOUT_MS // 3
MIN_POLL_WAIT_S = 0.05  # records that arrive meanwhile end the wait
MAX_INSTANCE_LENGTH = 249  # characters, Kafka's limit
STALE_MEMBER_ERRORS = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class OffsetRange(NamedTuple):
    """The offsets that Kafka has of a partition."""

    beginning: int
    """The first offset (low watermark)."""
    end: int
    """The last stable offset, exclusive (high watermark of committed records)."""
    topic_id: UUID | None = None
    """Kafka's id of the topic, which changes if it is recreated; None if it has none."""


class PartitionOwner(Protocol):
    """
    The holder of state for the partitions of a member.

    Both methods are called inside `GroupMember.poll` and `close`, on Kafka's thread, while the
    caller waits. They must be quick, raise nothing, and call no method of the member.
    """

    def on_revoked(self, partitions: Iterable[int]) -> None:
        """Save and release *partitions*. No other member owns them before this returns."""

    def on_lost(self, partitions: Iterable[int]) -> None:
        """Release *partitions* unsaved, because another member may own them already."""


class _RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka ships no types
    """Pauses assigned partitions until `GroupMember.seek`. Reports revoked ones to the owner."""

    waiting: set[TopicPartition]
    """Assigned partitions without an offset to read from."""

    def __init__(self, consumer: KafkaConsumer, owner: PartitionOwner) -> None:
        self._consumer = consumer
        self._owner = owner
        self.waiting = set()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        for tp in assigned:
            # With any offset set, kafka-python requests none. A paused partition is not fetched.
            self._consumer.seek(tp, 0)
            self._consumer.pause(tp)
        self.waiting |= assigned

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.waiting -= revoked
        self._owner.on_revoked({tp.partition for tp in revoked})

    def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        self.waiting -= lost
        self._owner.on_lost({tp.partition for tp in lost})


def get_instance_id(settings: Settings) -> str | None:
    """
    Return the id of this consumer as a static member (KIP-345): its host and health port.

    A static member gets its partitions back at once after a crash. A dynamic member waits for the
    old session to expire.

    Returns:
        None if the consumer has no health port, which makes it a dynamic member.
    """
    port = settings.consumer_health_port
    return f"{socket.gethostname()}-{port}"[:MAX_INSTANCE_LENGTH] if port else None


def _wait_between_polls(consumer: KafkaConsumer) -> None:
    """
    Let kafka-python (3.0.12) wait at least MIN_POLL_WAIT_S in each round of its `poll`.

    While the broker hangs, a heartbeat is always due. Its `poll` then repeats without a wait, and
    each round leaves a callback until the fetch times out: 200 MB and more.
    """
    coordinator = consumer._coordinator
    due_in_s = coordinator.time_to_next_poll
    coordinator.time_to_next_poll = lambda: max(MIN_POLL_WAIT_S, due_in_s())


class GroupMember:
    """
    One member of the consumer group `settings.consumer_group`.

    A newly assigned partition is paused until `seek` sets the offset to read from.
    """

    def __init__(self, settings: Settings, topic: str, owner: PartitionOwner) -> None:
        """
        Join the group. Partitions are assigned during `poll`.

        Args:
            settings: The broker and the group.
            topic: The topic to read.
            owner: Called when partitions are revoked or lost.

        Raises:
            Unavailable: Kafka is unreachable.
            Misconfigured: Kafka rejects the connection.
        """
        self._settings = settings
        self._topic = topic
        self._instance_id = get_instance_id(settings)
        with translate_errors(settings, f"joining {settings.consumer_group}"):
            self._consumer = KafkaConsumer(
                **client_options(settings),
                client_id="crypto-kpi-consumer",
                group_id=settings.consumer_group,
                group_instance_id=self._instance_id,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
            _wait_between_polls(self._consumer)
            self._listener = _RebalanceListener(self._consumer, owner)
            self._consumer.subscribe([topic], listener=self._listener)
            # Loads the topic's metadata. A member without it is assigned nothing, and joins again.
            self._consumer.partitions_for_topic(topic)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """
        Return the next records of the partitions that are not paused.

        Args:
            max_records: Maximum number of records.
            timeout_s: How long to wait for a record.

        Returns:
            Records in order within a partition; empty if none arrived in time.

        Raises:
            Unavailable: Kafka is unreachable, or an offset is outside the topic. Start over.
        """
        with translate_errors(self._settings, f"reading {self._topic}"):
            polled = self._consumer.poll(int(timeout_s * 1000), max_records=max_records)
        return [
            Record(r.topic, r.partition, r.offset, r.key, r.value)
            for records in polled.values()
            for r in records
        ]

    def newly_assigned(self) -> set[int]:
        """Return the assigned partitions for which `seek` was not called yet."""
        return {tp.partition for tp in self._listener.waiting}

    def offset_ranges(self, partitions: Iterable[int]) -> dict[int, OffsetRange]:
        """
        Return the offsets that Kafka has of *partitions*.

        Raises:
            Unavailable: Kafka is unreachable.
        """
        tps = self._topic_partitions(partitions)
        with translate_errors(self._settings, f"reading the offset range of {self._topic}"):
            beginnings = self._consumer.beginning_offsets(tps)
            ends = self._consumer.end_offsets(tps)
        id_ = get_topic_id(self._consumer, self._topic)
        return {tp.partition: OffsetRange(beginnings[tp], ends[tp], id_) for tp in tps}

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Read the partitions of *offsets* from these offsets on."""
        for tp in self._topic_partitions(offsets):
            self._consumer.seek(tp, offsets[tp.partition])
            self._consumer.resume(tp)
            self._listener.waiting.discard(tp)

    def pause(self) -> None:
        """Pause all partitions until `resume`. `poll` then only keeps the membership alive."""
        self._consumer.pause(*(self._consumer.assignment() - self._listener.waiting))

    def resume(self) -> None:
        """End `pause`."""
        self._consumer.resume(*(self._consumer.paused() - self._listener.waiting))

    def positions(self, partitions: Iterable[int]) -> dict[int, int]:
        """
        Return, for each of the owned *partitions*, the offset at which the next `poll` continues.

        This is not the last record's offset + 1, because it is after the markers of transactions.
        """
        with translate_errors(self._settings, f"reading {self._topic}"):
            return {
                tp.partition: self._consumer.position(tp)
                for tp in self._topic_partitions(partitions)
            }

    def commit(self, offsets: Mapping[int, int]) -> bool:
        """
        Commit *offsets*, before which all records are processed.

        Returns:
            False if this member is out of the group. The next `poll` reports the partitions.

        Raises:
            Unavailable: Kafka is unreachable.
        """
        done = {
            tp: OffsetAndMetadata(offsets[tp.partition]) for tp in self._topic_partitions(offsets)
        }
        with translate_errors(self._settings, "committing offsets"):
            try:
                self._consumer.commit(done, timeout_ms=REQUEST_TIMEOUT_MS)
            except STALE_MEMBER_ERRORS:
                return False
        return True

    def close(self) -> None:
        """
        Disconnect. A static member keeps its partitions until its session expires.

        It gets them back at once if it reconnects before. Call `leave` to give them to others.
        """
        self._consumer.close(autocommit=False, timeout_ms=3_000)

    def leave(self) -> None:
        """
        Give the partitions of this static member to others at once. Call it after `close`.

        Raises:
            Unavailable: Kafka is unreachable. Others get the partitions when the session expires.
        """
        if self._instance_id is None:
            return  # a dynamic member leaves in `close`
        member = MemberToRemove(group_instance_id=self._instance_id)
        with translate_errors(self._settings, f"leaving {self._settings.consumer_group}"):
            admin = KafkaAdminClient(**client_options(self._settings))
            try:
                admin.remove_group_members(self._settings.consumer_group, [member])
            finally:
                admin.close()

    def _topic_partitions(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
