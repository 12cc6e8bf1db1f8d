"""
Whether the stored positions fit the topic: losses are recorded, other differences are rejected.

Kafka may delete records before they are drained. Such a loss is final: its range goes to
`kafka_losses`, in the transaction that moves the offset to the topic's beginning. The partition's
fold starts empty there, as the live consumer's fold does when its checkpoint is outside the topic.
If both missed the records, their rows and points agree again from the first one. If the consumer
had read them, InfluxDB's values differ until midnight UTC, and MACD for 250 candles; `macd_ready`
is 0 in that time. The audit repairs trades and candles from the exchange.

A recreated or truncated topic holds other records under the same offsets. The drain rejects the
position, and an operator decides: `drain_rejections` has the case until
`python -m include.warehouse.reset_offsets`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NamedTuple
from uuid import UUID

from include.errors import Misconfigured
from include.kpis.engine import KpiEngine
from include.warehouse import offsets
from include.warehouse.connection import Connection
from include.warehouse.offsets import Positions, dump_fold, resume_fold
from include.warehouse.statements import statement

ADVICE = (
    "`make reset-offsets` (python -m include.warehouse.reset_offsets) reads the topic from its "
    "beginning and records what is lost; stored rows stay and are not duplicated"
)

type LostOffsets = dict[int, tuple[int, int]]
"""By partition, the first lost offset and the first one after the loss."""


class TopicRange(NamedTuple):
    """The offsets that a topic holds."""

    topic: str
    topic_id: UUID | None
    """None if the broker has no topic ids."""
    beginnings: Mapping[int, int]
    """First offset, by partition (low watermark)."""
    ends: Mapping[int, int]
    """Last stable offset, exclusive, by partition."""


type Kind = Literal["recreated", "truncated", "incompatible_fold"]


class Rejection(Misconfigured):
    """A stored position from which the drain must not continue; a row of `drain_rejections`."""

    def __init__(self, kind: Kind, partition: int, offset: int, detail: str) -> None:
        super().__init__(f"{detail}. {ADVICE}")
        self.kind = kind
        self.partition = partition
        self.offset = offset
        self.detail = detail


def check(positions: Positions, held: TopicRange) -> None:
    """
    Reject positions that are not of this topic, so that no record is skipped silently.

    Args:
        positions: As stored.
        held: What the topic holds.

    Raises:
        Rejection: The topic was recreated or truncated, or a fold's state is of another version.
    """
    for partition, position in sorted(positions.items()):
        where = f"topic {held.topic} partition {partition}: the next offset is {position.offset}, "
        at = partition, position.offset
        if partition not in held.ends:
            found = f"but the topic has {len(held.ends)} partitions: it was recreated"
            raise Rejection("recreated", *at, where + found)
        if position.topic_id != held.topic_id and held.topic_id is not None:
            found = f"of the topic {position.topic_id}, but this one is {held.topic_id}: "
            raise Rejection("recreated", *at, f"{where}{found}it was recreated")
        beginning, end = held.beginnings[partition], held.ends[partition]
        if position.offset > end:
            found = f"but the topic (from {beginning}) ends at {end}: recreated or truncated"
            raise Rejection("truncated", *at, where + found)
    check_folds(positions, held.topic)


def check_folds(positions: Positions, topic: str) -> None:
    """
    Reject states of the fold that are of another version.

    Raises:
        Rejection: A state cannot be resumed.
    """
    for partition, position in sorted(positions.items()):
        try:
            resume_fold(position)
        except (LookupError, TypeError, ValueError, AttributeError) as e:
            detail = (
                f"topic {topic} partition {partition}: expected a fold's state of this version, "
                f"found another ({type(e).__name__}: {e})"
            )
            raise Rejection("incompatible_fold", partition, position.offset, detail) from e


@contextmanager
def record_rejection(connection: Connection, topic_id: UUID | None, topic: str) -> Iterator[None]:
    """Record a rejection in `drain_rejections`, and raise it again."""
    try:
        yield
    except Rejection as e:
        case = {"topic": topic, "topic_id": topic_id, "partition": e.partition}
        case |= {"next_offset": e.offset, "kind": e.kind, "detail": e.detail}
        connection.execute(statement("warehouse/continuity.record_rejection"), case)
        raise


def is_lost(positions: Positions, held: TopicRange) -> bool:
    """Return whether records after a position were deleted: the topic begins behind it."""
    return any(position.offset < held.beginnings[p] for p, position in positions.items())


def skip_lost_offsets(connection: Connection, held: TopicRange) -> LostOffsets:
    """
    Record offsets that were deleted before they were drained, and move behind them; return them.

    One transaction: the loss is recorded if and only if the offset moved.
    """
    topic = held.topic
    with connection.transaction():
        stored = offsets.lock(connection, topic)
        lost = {
            partition: (stored[partition], beginning)
            for partition, beginning in sorted(held.beginnings.items())
            if stored.get(partition, beginning) < beginning
        }
        for partition, (first, beginning) in lost.items():
            reason = f"records [{first}, {beginning}) are gone: deleted before they were drained"
            loss = {"topic": topic, "partition": partition}
            loss |= {"beginning": beginning, "reason": reason}
            connection.execute(statement("warehouse/continuity.record_loss"), loss)
        empty = dict.fromkeys(lost, dump_fold(KpiEngine()))
        offsets.move(connection, topic, held.beginnings, empty)
    return lost
