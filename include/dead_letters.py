"""
List dead letters, or replay them after a fix; `python -m include.dead_letters [replay]`.

A dead letter is a record that a sink could not decode or store. Dead letters of the drain are rows
of `dead_letters` in PostgreSQL; those of the consumer are records of a Kafka topic. A dead letter
is identified by its record's position: if the log is read again, it is the same one.

A replay decodes the record again and writes it to the sink that lacks it, once. A record that is
still rejected stays a dead letter. Otherwise the outcome is a row of `dead_letter_replays`: for
PostgreSQL in the transaction of the rows, for InfluxDB after the point, which may be written twice
with the same values.

The fold has moved on without the record and is not changed. A replayed snapshot gets only the KPIs
that it determines itself, a candle its own values (`include.kpis.late_events`). Session VWAP and
MACD are computed from the candles by `recompute_indicators`. One-second bars are written from
PostgreSQL by the audit.

May import both `include.streaming` and `include.warehouse`: a record goes back to its sink.
"""

import argparse
import sys
from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import closing
from typing import Literal, NamedTuple, cast

from include import log, wire
from include.broker.log_reader import LogReader, read_record
from include.broker.records import Record
from include.errors import BadRecord
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis import late_events
from include.kpis.records import Event
from include.runtime import run_command
from include.settings import Settings
from include.streaming import dead_letters
from include.warehouse import load, rows
from include.warehouse.connection import Connection, connect, postgres_errors, target
from include.warehouse.statements import statement

type Sink = Literal["postgresql", "influxdb"]

MAX_LISTED = 50  # dead letters of each sink; the counts are of all
PREVIEW_BYTES = 60
POLL_RECORDS = 100  # of up to 90 KB each
POLL_S = 0.5


class RecordPosition(NamedTuple):
    """Where the record is, or was; `crypto.market/3/1745` on the command line."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class OpenDeadLetter(NamedTuple):
    """A record that did not reach its sink."""

    sink: Sink
    """Where the record is missing."""
    position: RecordPosition
    reason: str
    value_bytes: int
    """Length of the record's value."""
    start: bytes
    """Of the record's value."""


class Replay(NamedTuple):
    """The result of one replay."""

    letter: OpenDeadLetter
    outcome: str
    is_done: bool
    """Whether the dead letter is marked as replayed."""


def list_lines(settings: Settings, connection: Connection) -> Iterator[str]:
    """
    Yield the lines of the list: counts by sink and reason, then dead letters, newest first.

    Raises:
        Unavailable: Kafka or PostgreSQL is unreachable.
    """
    of_drain = read_drain_letters(connection, PREVIEW_BYTES)
    reasons = Counter((letter.sink, _reason_kind(letter)) for letter in of_drain)
    newest: deque[OpenDeadLetter] = deque(maxlen=MAX_LISTED)
    for letter in read_consumer_letters(settings, connection):
        reasons[letter.sink, _reason_kind(letter)] += 1
        newest.append(letter._replace(start=letter.start[:PREVIEW_BYTES]))
    if not reasons:
        yield "no dead letters"
        return
    for (sink, kind), number in reasons.most_common():
        yield f"{number:>7}  {sink:<10}  {kind}"
    yield ""
    for letter in [*of_drain[:MAX_LISTED], *reversed(newest)]:
        yield _line(letter)


def replay(
    settings: Settings, connection: Connection, positions: Collection[RecordPosition] = ()
) -> Iterator[Replay]:
    """
    Replay dead letters of both sinks; yield each result.

    Args:
        settings: The servers.
        connection: As the writer.
        positions: Of the records to replay; empty for all.

    Raises:
        Unavailable: Kafka, PostgreSQL or InfluxDB is unreachable: run it again.
        Misconfigured: InfluxDB rejects the token.
    """
    influxdb = InfluxDB(settings)
    try:
        for letter in _choose(settings, connection, positions):
            value = read_whole(settings, connection, letter)
            if value is None:
                gone = "cut at 64 KB, and the topic no longer has it"
                yield Replay(letter, gone, is_done=False)
                continue
            try:
                event = wire.decode(value)
                if letter.sink == "postgresql":
                    outcome = _write_rows(connection, letter, value, event)
                else:
                    outcome = _write_points(connection, influxdb, letter, event)
            except BadRecord as e:
                yield Replay(letter, f"still rejected: {e}", is_done=False)
            else:
                yield Replay(letter, outcome, is_done=True)
    finally:
        influxdb.close()


def read_drain_letters(connection: Connection, max_bytes: int) -> list[OpenDeadLetter]:
    """Return the drain's open dead letters, newest first, with *max_bytes* of each record."""
    found = connection.execute(statement("dead_letters.open"), {"max_bytes": max_bytes}).fetchall()
    return [
        OpenDeadLetter(
            "postgresql",
            RecordPosition(topic, partition, offset),
            reason,
            size,
            bytes(start or b""),
        )
        for topic, partition, offset, reason, size, start in cast(
            list[tuple[str, int, int, str, int, bytes | None]], found
        )
    ]


def read_consumer_letters(settings: Settings, connection: Connection) -> Iterator[OpenDeadLetter]:
    """
    Yield the consumer's open dead letters, oldest first, each position once.

    Raises:
        Unavailable: The broker is unreachable.
    """
    found = connection.execute(statement("dead_letters.replayed"), {"sink": "influxdb"}).fetchall()
    known = {RecordPosition(*row) for row in cast(list[tuple[str, int, int]], found)}
    # Not committed_only: the consumer writes dead letters without a transaction.
    with LogReader(settings, settings.topic_dead_letters, committed_only=False) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        while any(reader.positions()[partition] < end for partition, end in ends.items()):
            for record in reader.poll(POLL_RECORDS, POLL_S):
                kept = dead_letters.decode(record.value)
                position = RecordPosition(kept.topic, kept.partition, kept.offset)
                if position in known:
                    continue
                known.add(position)
                yield OpenDeadLetter(
                    "influxdb", position, kept.reason, kept.value_bytes, kept.start
                )


def read_whole(settings: Settings, connection: Connection, letter: OpenDeadLetter) -> bytes | None:
    """
    Return the whole record; None if it was cut and the topic no longer has it.

    A record of the topic is used only if it starts as the dead letter does, because the topic may
    have been recreated.

    Raises:
        Unavailable: The broker is unreachable.
    """
    start = letter.start
    if letter.sink == "postgresql":
        found = connection.execute(
            statement("dead_letters.value"), letter.position._asdict()
        ).fetchone()
        start = b"" if found is None else bytes(cast(bytes | None, found[0]) or b"")
    if len(start) == letter.value_bytes:
        return start
    record = read_record(settings, *letter.position)
    value = b"" if record is None else record.value or b""
    is_same = len(value) == letter.value_bytes and value.startswith(start)
    return value if is_same else None


def _choose(
    settings: Settings, connection: Connection, positions: Collection[RecordPosition]
) -> Iterator[OpenDeadLetter]:
    for letter in read_drain_letters(connection, max_bytes=0):
        if not positions or letter.position in positions:
            yield letter
    for letter in read_consumer_letters(settings, connection):
        if not positions or letter.position in positions:
            yield letter


def _write_rows(connection: Connection, letter: OpenDeadLetter, value: bytes, event: Event) -> str:
    record = Record(*letter.position, key=None, value=value)
    entry = rows.build_entry(record, event, late_events.compute_points(event))
    load.ensure_partitions(connection, [entry])
    with connection.transaction():
        written = load.write(connection, [entry])
        if entry.table.name not in written:  # it became a dead letter again
            raise BadRecord(f"by table {entry.table.name}")
        outcome = f"new rows of {entry.table.name}: {written[entry.table.name]}"
        return _mark_replayed(connection, letter, outcome)


def _write_points(
    connection: Connection, influxdb: InfluxDB, letter: OpenDeadLetter, event: Event
) -> str:
    points = late_events.compute_points(event)
    influxdb.write(lines.encode(points))
    return _mark_replayed(connection, letter, f"points: {len(points)}")


def _mark_replayed(connection: Connection, letter: OpenDeadLetter, outcome: str) -> str:
    marked = connection.execute(
        statement("dead_letters.mark_replayed"),
        {"sink": letter.sink, "outcome": outcome, **letter.position._asdict()},
    )
    return outcome if marked.rowcount else "replayed by another process in the meantime"


def _line(letter: OpenDeadLetter) -> str:
    preview = repr(letter.start[:PREVIEW_BYTES])[2:-1]  # escapes all that is not printable ASCII
    size = f"{letter.value_bytes} bytes"
    return f"{letter.sink:<10}  {letter.position}  {size}  {_escape(letter.reason)}  {preview}"


def _reason_kind(letter: OpenDeadLetter) -> str:
    """Return the expectation in the reason, without what was found, which varies by record."""
    return _escape(letter.reason.partition(", found ")[0])


def _escape(text: str) -> str:
    return text.encode("unicode_escape").decode()


def parse_position(text: str) -> RecordPosition:
    """Return the position that `topic/partition/offset` names."""
    topic, partition, offset = text.rsplit("/", 2)
    return RecordPosition(topic, int(partition), int(offset))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("dead-letters", description="List or replay dead letters.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("list", help="list dead letters, newest first (the default)")
    replaying = commands.add_parser("replay", help="decode and store dead letters again, once")
    replaying.add_argument(
        "positions",
        nargs="*",
        type=parse_position,
        metavar="TOPIC/PARTITION/OFFSET",
        help="default: all",
    )
    return parser.parse_args()


def run(options: argparse.Namespace) -> None:
    """List or replay; print one line for each dead letter."""
    settings = Settings.load()
    with (
        closing(connect(settings, application="dead-letters")) as connection,
        postgres_errors(target(settings), "reading dead letters"),
    ):
        if options.command != "replay":
            for line in list_lines(settings, connection):
                print(line)
            return
        done = left = 0
        for result in replay(settings, connection, options.positions):
            done, left = done + result.is_done, left + (not result.is_done)
            outcome = _escape(result.outcome)
            print(f"{result.letter.sink:<10}  {result.letter.position}  {outcome}")
        print(f"replayed {done}, left {left}")


def main() -> int:
    options = parse_arguments()
    log.configure("dead-letters")
    return run_command("dead-letters", lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
