"""
Whether the stored offsets are still the topic's: what is lost is recorded, else nothing goes on.

Records deleted before they were drained are a loss that nobody can undo: it is written down in
`kafka_losses`, in the transaction that moves the offset to the topic's beginning. The fold of the
partition starts over empty there, as the live consumer's does when its checkpoint is outside the
topic: if both missed the records, their rows and points agree again from the first one. If the
consumer had seen them, InfluxDB knows more until the session's midnight and, for MACD, for 250
candles; `macd_ready` is 0 meanwhile. The audit repairs trades and candles from the exchange.

A topic made again, or cut, is another matter: its records are other records. A person decides;
`drain_refusals` has the case until `python -m include.warehouse.restart`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NamedTuple
from uuid import UUID

from include.errors import Misconfigured
from include.kpis.engine import KpiEngine
from include.warehouse import offsets
from include.warehouse.connection import Connection
from include.warehouse.offsets import Places, dumped, resumed
from include.warehouse.statements import statement

START_OVER = (
    "`make restart-drain` (python -m include.warehouse.restart) reads it from its beginning and "
    "records what is lost; rows that are there already are kept, not doubled"
)

type Lost = dict[int, tuple[int, int]]
"""By partition, the first offset that is lost and the first that is not."""


class Extent(NamedTuple):
    """What a topic holds: by partition, its first offset and its last stable one, exclusive."""

    topic: str
    topic_id: UUID | None
    beginnings: Mapping[int, int]
    ends: Mapping[int, int]


type Kind = Literal["made_again", "cut", "other_fold"]


class Refused(Misconfigured):
    """A stored place the drain must not go on from; `kind` as in table `drain_refusals`."""

    def __init__(self, kind: Kind, partition: int, offset: int, why: str) -> None:
        super().__init__(f"{why}. {START_OVER}")
        self.kind = kind
        self.partition = partition
        self.offset = offset
        self.why = why


def check(places: Places, extent: Extent) -> None:
    """
    Refuse to go on from places that are not this topic's: nothing is skipped silently.

    Raises:
        Refused: The topic was made again, or cut, or a fold's state is another version's.
    """
    for partition, place in sorted(places.items()):
        where = f"topic {extent.topic} partition {partition}: the next offset is {place.offset}, "
        at = partition, place.offset
        if partition not in extent.ends:
            found = f"but the topic has {len(extent.ends)} partitions: it was made again"
            raise Refused("made_again", *at, where + found)
        if place.topic_id != extent.topic_id and extent.topic_id is not None:
            found = f"of the topic {place.topic_id}, but this one is {extent.topic_id}: "
            raise Refused("made_again", *at, f"{where}{found}it was made again")
        beginning, end = extent.beginnings[partition], extent.ends[partition]
        if place.offset > end:
            found = f"but the topic (from {beginning}) ends at {end}: it was made again, or cut"
            raise Refused("cut", *at, where + found)
    check_folds(places, extent.topic)


def check_folds(places: Places, topic: str) -> None:
    """
    Refuse to go on from what another version of the fold remembers.

    Raises:
        Refused: A state is not this version's.
    """
    for partition, place in sorted(places.items()):
        try:
            resumed(place)
        except (LookupError, TypeError, ValueError, AttributeError) as e:
            why = (
                f"topic {topic} partition {partition}: expected a fold's state of this version, "
                f"found another ({type(e).__name__}: {e})"
            )
            raise Refused("other_fold", partition, place.offset, why) from e


@contextmanager
def recorded(connection: Connection, topic_id: UUID | None, topic: str) -> Iterator[None]:
    """Write a refusal into `drain_refusals`, where an operator sees it; let it pass on."""
    try:
        yield
    except Refused as e:
        case = {"topic": topic, "topic_id": topic_id, "partition": e.partition}
        case |= {"next_offset": e.offset, "kind": e.kind, "detail": e.why}
        connection.execute(statement("load/drain_refusals/record"), case)
        raise


def is_lost(places: Places, extent: Extent) -> bool:
    """Return whether the topic begins behind a place: what lies between was deleted."""
    return any(place.offset < extent.beginnings[p] for p, place in places.items())


def pass_over_lost(connection: Connection, extent: Extent) -> Lost:
    """
    Record what was deleted before it was drained, and go on behind it; return what that is.

    One transaction: the loss is recorded if and only if the offset moved.
    """
    topic = extent.topic
    with connection.transaction():
        stored = offsets.lock(connection, topic)
        lost = {
            partition: (stored[partition], beginning)
            for partition, beginning in sorted(extent.beginnings.items())
            if stored.get(partition, beginning) < beginning
        }
        for partition, (first, beginning) in lost.items():
            why = f"records [{first}, {beginning}) are gone: deleted before they were drained"
            loss = {"topic": topic, "partition": partition, "beginning": beginning, "reason": why}
            connection.execute(statement("load/kafka_losses/record"), loss)
        empty = dict.fromkeys(lost, dumped(KpiEngine()))
        offsets.move(connection, topic, extent.beginnings, empty)
    return lost
