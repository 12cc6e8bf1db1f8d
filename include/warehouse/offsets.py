"""Where the drain goes on from, and from which fold: kept in PostgreSQL, moved with the rows."""

import json
from collections.abc import Mapping
from typing import NamedTuple, cast
from uuid import UUID

from include.kpis.engine import KpiEngine, State
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

type Offsets = dict[int, int]
"""By partition, the offset of the next record to read."""


class Place(NamedTuple):
    """Where to go on in one partition: the next record, the fold before it, Kafka's topic id."""

    offset: int
    state: State
    topic_id: UUID | None = None


type Places = dict[int, Place]
"""By partition."""


def stored(
    connection: Connection,
    topic: str,
    beginnings: Mapping[int, int],
    topic_id: UUID | None = None,
) -> Places:
    """Return the stored places; a partition met for the first time starts at its beginning."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            statement("load/kafka_offsets/register"),
            [
                {
                    "topic": topic,
                    "topic_id": topic_id,
                    "partition": partition,
                    "next_offset": beginning,
                    "fold": dumped(KpiEngine()),
                }
                for partition, beginning in sorted(beginnings.items())
            ],
        )
        if topic_id is not None:
            its_id = {"topic": topic, "topic_id": topic_id}
            cursor.execute(statement("load/kafka_offsets/adopt"), its_id)
        cursor.execute(statement("read/kafka_offsets"), {"topic": topic})
        found = cast(list[tuple[int, int, State, UUID | None]], cursor.fetchall())
    return {partition: Place(offset, state, its) for partition, offset, state, its in found}


def lock(connection: Connection, topic: str) -> Offsets:
    """Return the stored offsets, which nobody else can move until this transaction ends."""
    cursor = connection.execute(statement("load/kafka_offsets/lock"), {"topic": topic})
    return dict(cast(list[tuple[int, int]], cursor.fetchall()))


def move(
    connection: Connection, topic: str, after: Mapping[int, int], folds: Mapping[int, str]
) -> None:
    """Store where the partitions of *folds* have come to; this transaction has locked them."""
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("load/kafka_offsets/move"),
            [
                {
                    "topic": topic,
                    "partition": partition,
                    "next_offset": after[partition],
                    "fold": fold,
                }
                for partition, fold in folds.items()
            ],
        )


def resumed(place: Place) -> KpiEngine:
    """
    Return the fold as it was at this place.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: Its state is one of another version.
    """
    return KpiEngine.resume(place.state)


def dumped(fold: KpiEngine) -> str:
    """Return the fold's state as JSON; `repr` of a float is read back bit for bit."""
    return json.dumps(fold.state(), allow_nan=False, separators=(",", ":"))
