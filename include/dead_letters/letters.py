"""
The letters of both halves that wait for a fix: the drain's in PostgreSQL, the consumer's in Kafka.

A letter is its record's place: parked again because the log was read again, it is the same one.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from include.broker.log_reader import LogReader, read_record
from include.settings import Settings
from include.streaming import dead_letters
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

type Sink = Literal["postgresql", "influxdb"]

POLL_RECORDS = 100  # of up to 90 KB each
POLL_S = 0.5


class Place(NamedTuple):
    """Where the record is, or was; `crypto.market/3/1745` on a command line."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Letter(NamedTuple):
    """
    One record parked.

    Attributes:
        sink: Whose letter it is: what did not get there.
        value_bytes: Length of the record, of which `start` is the start.
    """

    sink: Sink
    place: Place
    reason: str
    value_bytes: int
    start: bytes


def of_drain(connection: Connection, most_bytes: int) -> list[Letter]:
    """Return the drain's letters not replayed yet, newest first, with *most_bytes* of each."""
    found = connection.execute(
        statement("read/dead_letters/open"), {"most_bytes": most_bytes}
    ).fetchall()
    return [
        Letter("postgresql", Place(topic, partition, offset), reason, size, bytes(start or b""))
        for topic, partition, offset, reason, size, start in cast(
            list[tuple[str, int, int, str, int, bytes | None]], found
        )
    ]


def of_consumer(settings: Settings, connection: Connection) -> Iterator[Letter]:
    """
    Yield the consumer's letters not replayed yet, oldest first.

    Raises:
        Unavailable: The broker is away.
    """
    found = connection.execute(
        statement("read/dead_letters/replayed"), {"sink": "influxdb"}
    ).fetchall()
    known = {Place(*place) for place in cast(list[tuple[str, int, int]], found)}
    # Uncommitted: the consumer's letters are in no transaction.
    with LogReader(settings, settings.topic_dead_letters, committed_only=False) as log:
        ends = log.ends()
        log.seek(log.beginnings())
        while any(log.positions()[partition] < end for partition, end in ends.items()):
            for record in log.poll(POLL_RECORDS, POLL_S):
                kept = dead_letters.decode(record.value)
                place = Place(kept.topic, kept.partition, kept.offset)
                if place in known:
                    continue
                known.add(place)
                yield Letter("influxdb", place, kept.reason, kept.value_bytes, kept.start)


def whole(settings: Settings, connection: Connection, letter: Letter) -> bytes | None:
    """
    Return the letter's whole record; None if it was cut and the log no longer has it.

    The log's record counts only if it starts as the letter does: the topic may be another one.

    Raises:
        Unavailable: The broker is away.
    """
    start = letter.start
    if letter.sink == "postgresql":
        found = connection.execute(
            statement("read/dead_letters/value"), letter.place._asdict()
        ).fetchone()
        start = b"" if found is None else bytes(cast(bytes | None, found[0]) or b"")
    if len(start) == letter.value_bytes:
        return start
    record = read_record(settings, *letter.place)
    value = b"" if record is None else record.value or b""
    is_it = len(value) == letter.value_bytes and value.startswith(start)
    return value if is_it else None
