"""Where the drain goes on from: kept in PostgreSQL, moved with the rows."""

from collections.abc import Mapping

from include.errors import Misconfigured
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

type Offsets = dict[int, int]
"""By partition, the offset of the next record to read."""


def stored(connection: Connection, topic: str, beginnings: Mapping[int, int]) -> Offsets:
    """Return the stored offsets; a partition met for the first time starts at its beginning."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            statement("load/kafka_offsets/register"),
            [
                {"topic": topic, "partition": partition, "next_offset": beginning}
                for partition, beginning in beginnings.items()
            ],
        )
        cursor.execute(statement("read/next_offsets"), {"topic": topic})
        return _offsets(cursor.fetchall())


def lock(connection: Connection, topic: str) -> Offsets:
    """Return the stored offsets, which nobody else can move until this transaction ends."""
    return _offsets(
        connection.execute(statement("load/kafka_offsets/lock"), {"topic": topic}).fetchall()
    )


def move(connection: Connection, topic: str, before: Offsets, after: Mapping[int, int]) -> None:
    """Store *after* where it differs from *before*, which this transaction has locked."""
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("load/kafka_offsets/move"),
            [
                {"topic": topic, "partition": partition, "next_offset": offset}
                for partition, offset in after.items()
                if offset != before[partition]
            ],
        )


def check_are_in_topic(
    topic: str, offsets: Offsets, beginnings: Mapping[int, int], ends: Mapping[int, int]
) -> None:
    """
    Refuse to go on from offsets the topic no longer, or not yet, has: nothing is skipped silently.

    Raises:
        Misconfigured: A partition's stored offset is before its beginning, behind its end, or the
            partition is gone.
    """
    for partition, offset in sorted(offsets.items()):
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


def _offsets(rows: list[tuple[object, ...]]) -> Offsets:
    return {int(str(partition)): int(str(offset)) for partition, offset in rows}
