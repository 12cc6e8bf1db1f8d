"""The drain's positions: next offset and fold state of each partition, rows of `kafka_offsets`."""

import json
from collections.abc import Mapping
from typing import NamedTuple, cast
from uuid import UUID

from include.kpis.engine import KpiEngine, State
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

type Offsets = dict[int, int]
"""The offset of the next record to read, by partition."""


class Position(NamedTuple):
    """Where the drain resumes in one partition."""

    offset: int
    """Of the next record."""
    state: State
    """Of the fold, after all records before `offset`."""
    topic_id: UUID | None = None
    """Kafka's id of the topic; None if the broker has no topic ids."""


type Positions = dict[int, Position]
"""By partition."""


def load_positions(
    connection: Connection,
    topic: str,
    beginnings: Mapping[int, int],
    topic_id: UUID | None = None,
) -> Positions:
    """
    Return the stored positions of a topic.

    Args:
        connection: In autocommit mode, as the writer.
        topic: Its name.
        beginnings: First offset by partition. A new partition starts there with an empty fold.
        topic_id: Stored with positions that have no topic id yet.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            statement("warehouse/offsets.register"),
            [
                {
                    "topic": topic,
                    "topic_id": topic_id,
                    "partition": partition,
                    "next_offset": beginning,
                    "fold": dump_fold(KpiEngine()),
                }
                for partition, beginning in sorted(beginnings.items())
            ],
        )
        if topic_id is not None:
            cursor.execute(
                statement("warehouse/offsets.adopt"), {"topic": topic, "topic_id": topic_id}
            )
        cursor.execute(statement("warehouse/offsets.positions"), {"topic": topic})
        rows = cast(list[tuple[int, int, State, UUID | None]], cursor.fetchall())
    return {partition: Position(offset, state, id_) for partition, offset, state, id_ in rows}


def lock(connection: Connection, topic: str) -> Offsets:
    """Return the stored offsets, locked until the end of the transaction."""
    cursor = connection.execute(statement("warehouse/offsets.lock"), {"topic": topic})
    return dict(cast(list[tuple[int, int]], cursor.fetchall()))


def move(
    connection: Connection, topic: str, after: Mapping[int, int], folds: Mapping[int, str]
) -> None:
    """
    Store new positions; this transaction holds their lock.

    Args:
        connection: Inside the transaction that writes the rows.
        topic: Its name.
        after: New offset by partition.
        folds: New state by partition, as JSON. Only these partitions are stored.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("warehouse/offsets.move"),
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


def forget(connection: Connection, topic: str) -> int:
    """Delete the positions of a topic and settle its rejections; return how many there were."""
    row = connection.execute(statement("warehouse/offsets.forget"), {"topic": topic}).fetchone()
    assert row is not None
    return cast(int, row[0])


def resume_fold(position: Position) -> KpiEngine:
    """
    Return the fold with the state of a position.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: The state is of another version.
    """
    return KpiEngine.resume(position.state)


def dump_fold(fold: KpiEngine) -> str:
    """Return the fold's state as JSON; floats are written by `repr` and read back bit for bit."""
    return json.dumps(fold.state(), allow_nan=False, separators=(",", ":"))
