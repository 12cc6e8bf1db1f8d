"""Read a topic as one of a consumer group that keeps its offsets, and more, elsewhere."""

import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import MemberToRemove
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from include.broker.connection import REQUEST_TIMEOUT_MS, client_options, kafka_errors, topic_id
from include.broker.rebalance import Listener, Owner
from include.broker.records import Record
from include.settings import Settings

# After a crash nobody else reads its partitions for so long; 6 s is the least Kafka allows.
SESSION_TIMEOUT_MS = 6_000
HEARTBEAT_INTERVAL_MS = SESSION_TIMEOUT_MS // 3
LEAST_PAUSE_S = 0.05  # records that come meanwhile end it
MOST_INSTANCE = 249  # characters, Kafka's limit
NOT_OURS = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class OffsetRange(NamedTuple):
    """
    What a partition holds.

    Attributes:
        beginning: Its first offset still kept.
        end: Its last stable offset, exclusive.
        topic_id: Kafka's id of the topic, another if it is made again; None if it has none.
    """

    beginning: int
    end: int
    topic_id: UUID | None = None


def instance_of(settings: Settings) -> str | None:
    """
    Return the name by which the group knows this consumer again (KIP-345); None: it does not.

    Host and port of its health, which no other consumer has. One that comes back under its name
    gets its partitions at once; else a new member waits for the session of the one that is dead.
    """
    port = settings.consumer_health_port
    return f"{socket.gethostname()}-{port}"[:MOST_INSTANCE] if port else None


def _pause_between_polls(consumer: KafkaConsumer) -> None:
    """
    Let kafka-python (3.0.12) wait where it would not.

    While the broker hangs a heartbeat is due all the time, so that its `poll` goes round without a
    pause, and leaves a callback behind at each round until its fetch times out: 200 MB and more.
    """
    coordinator = consumer._coordinator
    due_in_s = coordinator.time_to_next_poll
    coordinator.time_to_next_poll = lambda: max(LEAST_PAUSE_S, due_in_s())


class GroupMember:
    """
    One member of the consumer group of `settings.consumer_group`.

    A newly assigned partition is silent until `start` says where it begins: `newly_assigned`
    has it after a `poll`. The offsets committed decide nothing; they show the lag.
    """

    def __init__(self, settings: Settings, topic: str, owner: Owner) -> None:
        self._settings = settings
        self._topic = topic
        self._instance = instance_of(settings)
        with kafka_errors(settings, f"joining {settings.consumer_group}"):
            self._consumer = KafkaConsumer(
                **client_options(settings),
                client_id="crypto-kpi-consumer",
                group_id=settings.consumer_group,
                group_instance_id=self._instance,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
            _pause_between_polls(self._consumer)
            self._listener = Listener(self._consumer, owner)
            self._consumer.subscribe([topic], listener=self._listener)
            # Who joins without having heard of the topic gets nothing, and has to join again.
            self._consumer.partitions_for_topic(topic)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """
        Return the next records of the partitions that were started; empty if none came in time.

        Raises:
            Unavailable: The broker is away, or an offset is outside the topic: exit and resume.
        """
        with kafka_errors(self._settings, f"reading {self._topic}"):
            polled = self._consumer.poll(int(timeout_s * 1000), max_records=max_records)
        return [
            Record(r.topic, r.partition, r.offset, r.key, r.value)
            for records in polled.values()
            for r in records
        ]

    def newly_assigned(self) -> set[int]:
        """Return the partitions that are ours and wait for `start`."""
        return {tp.partition for tp in self._listener.waiting}

    def extents(self, partitions: Iterable[int]) -> dict[int, OffsetRange]:
        """
        Return what the topic holds of *partitions*.

        Raises:
            Unavailable: The broker is away.
        """
        asked = self._named(partitions)
        with kafka_errors(self._settings, f"asking where {self._topic} begins and ends"):
            beginnings = self._consumer.beginning_offsets(asked)
            ends = self._consumer.end_offsets(asked)
        id_ = topic_id(self._consumer, self._topic)
        return {tp.partition: OffsetRange(beginnings[tp], ends[tp], id_) for tp in asked}

    def start(self, offsets: Mapping[int, int]) -> None:
        """Let `poll` return the records of these partitions, from these offsets on."""
        for tp in self._named(offsets):
            self._consumer.seek(tp, offsets[tp.partition])
            self._consumer.resume(tp)
            self._listener.waiting.discard(tp)

    def hold(self) -> None:
        """Let `poll` return nothing, though it keeps us in the group, until `release`."""
        self._consumer.pause(*(self._consumer.assignment() - self._listener.waiting))

    def release(self) -> None:
        """Undo `hold`."""
        self._consumer.resume(*(self._consumer.paused() - self._listener.waiting))

    def positions(self, partitions: Iterable[int]) -> dict[int, int]:
        """
        Return, for each of our *partitions*, the offset the next `poll` goes on from.

        That is not the last record's offset + 1: it is beyond the markers of transactions.
        """
        with kafka_errors(self._settings, f"reading {self._topic}"):
            return {tp.partition: self._consumer.position(tp) for tp in self._named(partitions)}

    def commit(self, offsets: Mapping[int, int]) -> bool:
        """
        Commit that all before *offsets* is done with; return False if the group took us off.

        After False the next `poll` finds out which partitions are ours.

        Raises:
            Unavailable: The broker is away.
        """
        done = {tp: OffsetAndMetadata(offsets[tp.partition]) for tp in self._named(offsets)}
        with kafka_errors(self._settings, "committing offsets"):
            try:
                self._consumer.commit(done, timeout_ms=REQUEST_TIMEOUT_MS)
            except NOT_OURS:
                return False
        return True

    def close(self) -> None:
        """
        End membership; a static member's partitions stay its own until its session is over.

        So it finds them again at once, should it come back: `leave` lets others have them.
        """
        self._consumer.close(autocommit=False, timeout_ms=3_000)

    def leave(self) -> None:
        """
        Let others have its partitions at once; after `close`.

        Raises:
            Unavailable: The broker is away; others get them once the session is over.
        """
        if self._instance is None:
            return  # close has
        gone = MemberToRemove(group_instance_id=self._instance)
        with kafka_errors(self._settings, f"leaving {self._settings.consumer_group}"):
            admin = KafkaAdminClient(**client_options(self._settings))
            try:
                admin.remove_group_members(self._settings.consumer_group, [gone])
            finally:
                admin.close()

    def _named(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
