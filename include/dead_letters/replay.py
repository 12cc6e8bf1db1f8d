"""
Letters put through the decoder again: into the sink they are missing from, once.

A letter that is still refused stays what it is. A replayed one is marked, with what came of it, in
`dead_letter_replays`: for PostgreSQL in the transaction of its rows, for InfluxDB after its point,
which written again is the same.

The fold has gone on without the record, and does not go back: a snapshot gets the KPIs it suffices
for itself, a candle its own figures (`include.kpis.late_events`). What the session and MACD
would have been, `recompute_indicators` says from the candles; seconds of trades the audit writes
from PostgreSQL.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from include import wire
from include.broker.records import Record
from include.dead_letters import letters
from include.dead_letters.letters import Letter, Place
from include.errors import BadRecord
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis import late_events
from include.kpis.records import Event
from include.settings import Settings
from include.warehouse import load, rows
from include.warehouse.connection import Connection
from include.warehouse.statements import statement


class Replayed(NamedTuple):
    """What came of a letter; `is_done` if it is marked, and will not come again."""

    letter: Letter
    outcome: str
    is_done: bool


def replay(
    settings: Settings, connection: Connection, places: Collection[Place] = ()
) -> Iterator[Replayed]:
    """
    Replay the letters of *places*, or all, of both halves; yield what came of each.

    Raises:
        Unavailable: Kafka, PostgreSQL or InfluxDB is away: run it again.
        Misconfigured: InfluxDB refuses us.
    """
    sink = InfluxDB(settings)
    try:
        for letter in _chosen(settings, connection, places):
            value = letters.whole(settings, connection, letter)
            if value is None:
                gone = "cut at 64 KB, and the topic no longer has it"
                yield Replayed(letter, gone, is_done=False)
                continue
            try:
                event = wire.decode(value)
                if letter.sink == "postgresql":
                    outcome = _into_postgresql(connection, letter, value, event)
                else:
                    outcome = _into_influxdb(connection, sink, letter, event)
            except BadRecord as e:
                yield Replayed(letter, f"still refused: {e}", is_done=False)
            else:
                yield Replayed(letter, outcome, is_done=True)
    finally:
        sink.close()


def _chosen(
    settings: Settings, connection: Connection, places: Collection[Place]
) -> Iterator[Letter]:
    for letter in letters.of_drain(connection, most_bytes=0):
        if not places or letter.place in places:
            yield letter
    for letter in letters.of_consumer(settings, connection):
        if not places or letter.place in places:
            yield letter


def _into_postgresql(connection: Connection, letter: Letter, value: bytes, event: Event) -> str:
    record = Record(*letter.place, key=None, value=value)
    entry = rows.entry_of(record, event, late_events.compute_points(event))
    load.ensure_partitions(connection, [entry])
    with connection.transaction():
        written = load.write(connection, [entry])
        if entry.table.name not in written:  # parked again
            raise BadRecord(f"by table {entry.table.name}")
        outcome = f"new rows of {entry.table.name}: {written[entry.table.name]}"
        return _marked(connection, letter, outcome)


def _into_influxdb(connection: Connection, sink: InfluxDB, letter: Letter, event: Event) -> str:
    points = late_events.compute_points(event)
    sink.write(lines.encode(points))
    return _marked(connection, letter, f"points: {len(points)}")


def _marked(connection: Connection, letter: Letter, outcome: str) -> str:
    place = letter.place._asdict()
    marked = connection.execute(
        statement("load/dead_letters/mark_replayed"),
        {"sink": letter.sink, "outcome": outcome, **place},
    )
    return outcome if marked.rowcount else "replayed by somebody else meanwhile"
