"""
The KPI engines of the partitions this consumer owns, and their checkpoints.

A checkpoint holds an engine's state together with the offset that the state has seen, in one
record. It is written after InfluxDB has stored the points of all records before that offset. A
checkpoint may therefore be late, never early: after a crash the records since the checkpoint are
processed again, to the same points. The engines run ahead of InfluxDB. The state is therefore
copied into a pending checkpoint, which follows its points through the queue of
`include.streaming.write_behind`.

Two consumers own a partition for a moment if one of them sleeps longer than its session. The points
of both are equal. The sleeper writes no checkpoint, because its `commit` is rejected. If it falls
asleep between commit and write, an older checkpoint stands until the new owner's next one. A crash
in that time only repeats more work.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec
import structlog

from include.broker.group_member import OffsetRange
from include.broker.log_reader import read_latest_by_key
from include.broker.records import Outgoing
from include.errors import Unavailable
from include.kpis.engine import KpiEngine, State
from include.kpis.records import Event, Point
from include.settings import Settings

VERSION = 1
SAVE_INTERVAL_S = 1.0
SAVE_TIMEOUT_S = 30.0
# No heartbeat is sent during these two waits. Their sum must stay well below the session's 6 s.
FLUSH_TIMEOUT_S = 2.0
REVOKE_TIMEOUT_S = 2.0
RESTART_ACTION = "start at the beginning of the partition, with empty state"

logger = structlog.get_logger()


class Checkpoint(msgspec.Struct, frozen=True):
    """The state of an engine that has processed all records of a partition before an offset."""

    next_offset: int
    """Offset of the first record that the engine has not processed."""
    fold: State
    """The engine's state."""
    topic_id: UUID | None = None
    """Kafka's id of the topic; None if the topic has none."""
    v: int = VERSION
    """Version of this format."""


_decoder = msgspec.json.Decoder(Checkpoint)


def encode_checkpoint(settings: Settings, partition: int, checkpoint: Checkpoint) -> Outgoing:
    """Return the record that stores *checkpoint* of *partition*."""
    key = f"{_key_prefix(settings)}{partition}".encode()
    return Outgoing(settings.topic_checkpoints, key, msgspec.json.encode(checkpoint))


def load_checkpoints(settings: Settings) -> dict[int, Checkpoint]:
    """
    Return the last checkpoint of each partition that has one. Log an unreadable one.

    Raises:
        Unavailable: Kafka is unreachable.
        Misconfigured: The topic is missing.
    """
    prefix = _key_prefix(settings)
    # Uncommitted, because checkpoints are in no transaction. An open transaction of the producer
    # in the same topic must not hide them.
    latest = read_latest_by_key(
        settings, settings.topic_checkpoints, prefix=prefix.encode(), committed_only=False
    )
    found = {}
    for key, value in latest.items():
        checkpoint = _decode_checkpoint(key, value)
        if checkpoint is not None:
            found[int(key.removeprefix(prefix.encode()))] = checkpoint
    return found


def _decode_checkpoint(key: bytes, value: bytes) -> Checkpoint | None:
    wrong: dict[str, Any]
    try:
        checkpoint = _decoder.decode(value)
        if checkpoint.v == VERSION:
            return checkpoint
        wrong = {"error": f"expected version {VERSION}, found {checkpoint.v}"}
    except msgspec.MsgspecError as e:
        wrong = {"error": str(e)}
    logger.error("checkpoint.unreadable", key=key.decode(), action=RESTART_ACTION, **wrong)
    return None


def _key_prefix(settings: Settings) -> str:
    return f"consumer/{settings.consumer_group}/{settings.topic_market}/"


@dataclass(slots=True)
class Partition:
    """One partition's engine, and its position."""

    engine: KpiEngine
    next_offset: int
    """Offset of the next record to read."""
    topic_id: UUID | None = None
    """Kafka's id of the topic; None if the topic has none."""
    saved_offset: int | None = None
    """Offset of the last checkpoint that this process wrote; None before the first."""
    is_consistent: bool = True
    """Whether the engine has processed exactly the records before next_offset."""

    @property
    def is_unsaved(self) -> bool:
        """Whether the present state can be saved, and is newer than the last checkpoint."""
        return self.is_consistent and self.next_offset != self.saved_offset


class PendingCheckpoint(NamedTuple):
    """A checkpoint to write once InfluxDB has the points of all records before its offset."""

    number: int
    """Number of the partition."""
    partition: Partition
    next_offset: int
    record: Outgoing


def resume_partition(number: int, checkpoint: Checkpoint | None, offsets: OffsetRange) -> Partition:
    """
    Return the partition at its checkpoint, or at its beginning if the checkpoint does not apply.

    An error is logged if the checkpoint is of another topic, outside the topic's offsets, or of
    another version.

    Args:
        number: Number of the partition.
        checkpoint: Its checkpoint; None if it has none.
        offsets: The offsets that Kafka has of it.
    """
    restarted = Partition(KpiEngine(), offsets.beginning, offsets.topic_id)
    if checkpoint is None:
        return restarted
    context = {
        "action": RESTART_ACTION,
        "partition": number,
        "next_offset": checkpoint.next_offset,
        **offsets._asdict(),
    }
    if checkpoint.topic_id and offsets.topic_id and checkpoint.topic_id != offsets.topic_id:
        why = f"the topic was recreated: the checkpoint is of {checkpoint.topic_id}"
        logger.error("checkpoint.outside_topic", why=why, **context)
        return restarted
    if not offsets.beginning <= checkpoint.next_offset <= offsets.end:
        is_behind = checkpoint.next_offset < offsets.beginning
        lost = f"records [{checkpoint.next_offset}, {offsets.beginning}) are gone"
        beyond = "the topic ends before the checkpoint: it was recreated or truncated"
        logger.error("checkpoint.outside_topic", why=lost if is_behind else beyond, **context)
        return restarted
    try:
        engine = KpiEngine.resume(checkpoint.fold)
    except (LookupError, TypeError, ValueError, AttributeError) as e:  # of another version
        logger.error("checkpoint.unreadable", why=f"{type(e).__name__}: {e}", **context)
        return restarted
    return Partition(engine, checkpoint.next_offset, offsets.topic_id)


class RecordWriter(Protocol):
    """Write records to Kafka; see `include.broker.writer.AcknowledgedWriter`."""

    def write(self, records: Sequence[Outgoing], timeout_s: float = ...) -> None: ...


class Membership(Protocol):
    """Commit offsets as a member of the group; see `GroupMember.commit`."""

    def commit(self, offsets: Mapping[int, int]) -> bool: ...


class PointQueue(Protocol):
    """The points on their way to InfluxDB; see `include.streaming.write_behind`."""

    def flush(self, timeout_s: float | None = ...) -> bool: ...
    def abort(self) -> None: ...  # otherwise a point could be stored after those of the next owner


class Partitions:
    """The partitions that this consumer owns."""

    def __init__(self, settings: Settings, writer: RecordWriter, queue: PointQueue) -> None:
        self._settings = settings
        self._writer = writer
        self._queue = queue
        self._owned: dict[int, Partition] = {}
        self._collect_at_s = 0.0

    @property
    def owned(self) -> list[int]:
        """Numbers of the partitions that are started and not released."""
        return list(self._owned)

    def count_late_trades(self) -> int:
        """Return the number of late trades that the engines counted. Any thread may call it."""
        return sum(p.engine.count_late_trades() for p in list(self._owned.values()))

    def count_repeated_events(self) -> int:
        """Return the number of repeated events that the engines counted. Any thread may call it."""
        return sum(p.engine.count_repeated_events() for p in list(self._owned.values()))

    def start(self, offsets: Mapping[int, OffsetRange]) -> dict[int, int]:
        """
        Own the partitions of *offsets*. Return the offset to read each from.

        Raises:
            Unavailable: Kafka is unreachable.
        """
        checkpoints = load_checkpoints(self._settings)
        for number, range_ in offsets.items():
            self._owned[number] = resume_partition(number, checkpoints.get(number), range_)
        starts = {number: self._owned[number].next_offset for number in offsets}
        logger.info("partitions.started", offsets={str(p): o for p, o in starts.items()})
        return starts

    def fold(self, partition: int, event: Event) -> list[Point]:
        """Return the points of *event*. Call `advance` after the last event of the batch."""
        owned = self._owned[partition]
        owned.is_consistent = False
        return owned.engine.update(event)

    def advance(self, positions: Mapping[int, int]) -> None:
        """Record that all records before *positions* are processed."""
        for number, position in positions.items():
            self._owned[number].next_offset = position
            self._owned[number].is_consistent = True

    def collect_due(self) -> list[PendingCheckpoint]:
        """Return `collect` of all partitions, or [] within SAVE_INTERVAL_S of the last time."""
        if time.monotonic() < self._collect_at_s:
            return []
        self._collect_at_s = time.monotonic() + SAVE_INTERVAL_S
        return self.collect(self._owned)

    def collect(self, partitions: Iterable[int]) -> list[PendingCheckpoint]:
        """Return checkpoints of those *partitions* that are owned and have unsaved state."""
        return [
            self._to_pending(number, partition)
            for number in partitions
            if (partition := self._owned.get(number)) is not None and partition.is_unsaved
        ]

    def save(self, group: Membership, pending: Iterable[PendingCheckpoint]) -> None:
        """
        Write checkpoints whose points InfluxDB has. Skip them if this consumer left the group.

        Args:
            group: This consumer's membership, which commits the offsets.
            pending: The checkpoints. Those of partitions that were released meanwhile are skipped.

        Raises:
            Unavailable: Kafka is unreachable.
        """
        # Compare the object: the partition may have been released and assigned again meanwhile.
        owned = [p for p in pending if self._owned.get(p.number) is p.partition]
        if not owned:
            return
        # Commit first, because the coordinator rejects it if this consumer left the group.
        if group.commit({p.number: p.next_offset for p in owned}):
            self._write(owned, SAVE_TIMEOUT_S)
        else:
            why = "this consumer is no longer in the group"
            logger.info("checkpoint.skipped", why=why, partitions=[p.number for p in owned])

    def on_revoked(self, partitions: Iterable[int]) -> None:
        """Save and release *partitions*. If a server is slow, release them unsaved."""
        numbers = [n for n in partitions if n in self._owned]
        pending = self.collect(numbers)
        try:
            if pending:
                self._flush()
                self._write(pending, REVOKE_TIMEOUT_S)
        except Unavailable as e:
            logger.warning("checkpoint.late", error=str(e), partitions=numbers)
        self._release(numbers)

    def on_lost(self, partitions: Iterable[int]) -> None:
        """Release *partitions* unsaved, because another consumer may own them already."""
        if not self._queue.flush(0.0):
            self._queue.abort()
        self._release(partitions)

    def _release(self, partitions: Iterable[int]) -> None:
        for number in partitions:
            self._owned.pop(number, None)

    def _to_pending(self, number: int, partition: Partition) -> PendingCheckpoint:
        checkpoint = Checkpoint(partition.next_offset, partition.engine.state(), partition.topic_id)
        record = encode_checkpoint(self._settings, number, checkpoint)
        return PendingCheckpoint(number, partition, partition.next_offset, record)

    def _flush(self) -> None:
        if not self._queue.flush(FLUSH_TIMEOUT_S):
            self._queue.abort()
            raise Unavailable(
                f"expected InfluxDB to store the queued points within {FLUSH_TIMEOUT_S:g} s; "
                "the next owner continues from the last checkpoint"
            )

    def _write(self, pending: Sequence[PendingCheckpoint], timeout_s: float) -> None:
        self._writer.write([p.record for p in pending], timeout_s)
        for p in pending:
            p.partition.saved_offset = p.next_offset
