"""
Move what Kafka holds into PostgreSQL, exactly once; `python -m include.warehouse.drain` runs it.

The offsets are rows of `kafka_offsets`, moved in the transaction that writes what lies before
them. A drain killed anywhere is repeated or was complete; two at once take turns.
"""

import dataclasses
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass

from include.broker.log_reader import LogReader
from include.errors import Exit, PipelineError, Unavailable
from include.kpis.fold import Fold
from include.settings import Settings
from include.warehouse import load, offsets
from include.warehouse.connection import Connection, connect, postgres_errors, target
from include.warehouse.offsets import Offsets
from include.warehouse.rows import CANDLES, CRYPTO_PRICES, DEAD_LETTERS, GAPS, TRADES, Entry, entry
from include.warehouse.statements import statement

POLL_RECORDS = 50  # a record may be a page of 1,000 trades: what a batch may exceed its rows by
POLL_S = 0.5
STALL_S = 20.0  # without a record or a step of the position, although there should be some


@dataclass(frozen=True, slots=True)
class Drained:
    """
    What one drain did.

    Attributes:
        ticks: And trades, candles, gaps, dead_letters: new rows of their tables.
        duplicates: Rows that were there already, and stayed.
        candles_revised: Those of them whose candle now says otherwise.
        records: Kafka records read.
        offsets: By partition, where the next drain goes on.
        caught_up: Whether it came to the end the topic had when it started.
    """

    ticks: int
    trades: int
    candles: int
    gaps: int
    dead_letters: int
    duplicates: int
    candles_revised: int
    records: int
    offsets: dict[str, int]
    caught_up: bool


def drain(connection: Connection, settings: Settings) -> Drained:
    """
    Write the records of `settings.topic_market` from the stored offsets to its end as of now.

    Takes `settings.drain_max_s` at most; `caught_up` says whether that was enough. The idle
    *connection*, as the writer role, is put into autocommit mode and stays open.

    Raises:
        Unavailable: Kafka or PostgreSQL is away: run it again. What was committed stands.
        Misconfigured: The stored offsets are outside the topic, or the tables are not ours.
    """
    with (
        postgres_errors(target(settings), "draining"),
        LogReader(settings, settings.topic_market) as reader,
    ):
        connection.autocommit = True
        connection.execute(statement("load/bound_session"))
        return _Drain(connection, settings, reader).run()


class _Drain:
    """One drain under way: the state its steps share."""

    def __init__(self, connection: Connection, settings: Settings, reader: LogReader) -> None:
        self._connection = connection
        self._settings = settings
        self._reader = reader
        self._deadline = time.monotonic() + settings.drain_max_s
        self._fold = Fold()
        self._written: Counter[str] = Counter()
        self._records = 0
        beginnings = reader.beginnings()
        self._ends = reader.ends()
        self._next = offsets.stored(connection, settings.topic_market, beginnings)
        offsets.check_are_in_topic(settings.topic_market, self._next, beginnings, self._ends)

    def run(self) -> Drained:
        self._reader.seek(self._next)
        while not self._is_at_end(self._next) and time.monotonic() < self._deadline:
            entries, positions = self._gather()
            self._commit(entries, positions)
        return self._drained()

    def _gather(self) -> tuple[list[Entry], Offsets]:
        """Read a transaction's worth: up to the end, `drain_max_rows` or the deadline."""
        entries: list[Entry] = []
        positions = dict(self._next)
        most, rows = self._settings.drain_max_rows, 0
        stalled_at = time.monotonic() + STALL_S
        while rows < most and not self._is_at_end(positions):
            for record in self._reader.poll(min(POLL_RECORDS, most - rows), POLL_S):
                entries.append(entry(record, self._fold))
                rows += len(entries[-1].rows)
            before, positions = positions, self._reader.positions()
            now = time.monotonic()
            if positions != before:
                stalled_at = now + STALL_S
            elif now > stalled_at:
                raise Unavailable(
                    f"Kafka at {self._settings.kafka_bootstrap}: no record for {STALL_S:.0f} s "
                    f"after {positions}, although the topic ends at {self._ends}"
                )
            if now > self._deadline:
                break
        return entries, positions

    def _commit(self, entries: list[Entry], positions: Offsets) -> None:
        """Write the entries and move the offsets, or go where another drain has come to."""
        topic = self._settings.topic_market
        load.ensure_partitions(self._connection, entries)
        with self._connection.transaction():
            stored = offsets.lock(self._connection, topic)
            locked = {partition: stored[partition] for partition in self._next}
            is_ours = locked == self._next
            if is_ours:
                written = load.write(self._connection, entries)
                offsets.move(self._connection, topic, locked, positions)
        if is_ours:
            self._written += written
            self._records += len(entries)
            self._next = positions
        else:
            self._next = locked
            self._reader.seek(locked)

    def _is_at_end(self, positions: Offsets) -> bool:
        return all(positions[partition] >= end for partition, end in self._ends.items())

    def _drained(self) -> Drained:
        return Drained(
            ticks=self._written[CRYPTO_PRICES.name],
            trades=self._written[TRADES.name],
            candles=self._written[CANDLES.name],
            gaps=self._written[GAPS.name],
            dead_letters=self._written[DEAD_LETTERS.name],
            duplicates=self._written[load.DUPLICATES],
            candles_revised=self._written[load.REVISED],
            records=self._records,
            offsets={str(partition): offset for partition, offset in sorted(self._next.items())},
            caught_up=self._is_at_end(self._next),
        )


def main() -> int:
    """Drain once; print what was done as one line of JSON."""
    try:
        settings = Settings.load()
        with connect(settings, application="drain") as connection:
            drained = drain(connection, settings)
    except PipelineError as e:
        print(f"drain: {e}", file=sys.stderr)
        return e.exit_code
    print(json.dumps(dataclasses.asdict(drained)))
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
