"""Where the drain goes on from, and from which fold: kept in PostgreSQL, moved with the rows."""

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

from include.errors import Misconfigured
from include.kpis.fold import Fold, State
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

type Offsets = dict[int, int]
"""By partition, the offset of the next record to read."""


class Place(NamedTuple):
    """Where to go on in one partition: the next record, and the state of the fold before it."""

    offset: int
    state: State


type Places = dict[int, Place]
"""By partition."""


def stored(connection: Connection, topic: str, beginnings: Mapping[int, int]) -> Places:
    """Return the stored places; a partition met for the first time starts at its beginning."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            statement("load/kafka_offsets/register"),
            [
                {
                    "topic": topic,
                    "partition": partition,
                    "next_offset": beginning,
                    "fold": dumped(Fold()),
                }
                for partition, beginning in beginnings.items()
            ],
        )
        cursor.execute(statement("read/kafka_offsets"), {"topic": topic})
        rows = cast(list[tuple[int, int, State]], cursor.fetchall())
    return {partition: Place(offset, state) for partition, offset, state in rows}


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


def resumed(topic: str, places: Places) -> dict[int, Fold]:
    """
    Return the folds as they were at these places, by partition.

    Raises:
        Misconfigured: A state is one of another version of the fold.
    """
    folds = {}
    for partition, place in places.items():
        try:
            folds[partition] = Fold.resume(place.state)
        except (LookupError, TypeError, ValueError, AttributeError) as e:
            raise Misconfigured(
                f"topic {topic} partition {partition}: expected a fold's state of this version, "
                f"found another ({type(e).__name__}: {e}). {_START_OVER}"
            ) from e
    return folds


def dumped(fold: Fold) -> str:
    """Return the fold's state as JSON; `repr` of a float is read back bit for bit."""
    return json.dumps(fold.state(), allow_nan=False, separators=(",", ":"))


def check_are_in_topic(
    topic: str, places: Places, beginnings: Mapping[int, int], ends: Mapping[int, int]
) -> None:
    """
    Refuse to go on from offsets the topic no longer, or not yet, has: nothing is skipped silently.

    Raises:
        Misconfigured: A partition's stored offset is before its beginning, behind its end, or the
            partition is gone.
    """
    for partition, (offset, _) in sorted(places.items()):
        place = f"topic {topic} partition {partition}: the next offset is {offset}, "
        if partition not in ends:
            raise Misconfigured(
                f"{place}but the topic has {len(ends)} partitions: it was made again. {_START_OVER}"
            )
        beginning, end = beginnings[partition], ends[partition]
        if offset < beginning:
            raise Misconfigured(
                f"{place}but the topic begins at {beginning} (and ends at {end}): "
                f"{beginning - offset} offsets were deleted before they were drained. {_START_OVER}"
            )
        if offset > end:
            raise Misconfigured(
                f"{place}but the topic (from {beginning}) ends at {end}: it was made again, "
                f"or lost records. {_START_OVER}"
            )


_START_OVER = (
    "To read it from its beginning, delete its rows from kafka_offsets as the owner; "
    "rows that are there already are kept, not doubled"
)
