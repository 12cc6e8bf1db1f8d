"""
Move what Kafka holds into PostgreSQL, exactly once; `python -m include.warehouse.drain` runs it.

It runs the live consumer's fold over the same log, so a row of `crypto_prices` equals InfluxDB's
point. The offsets, and the fold's state there, are rows of `kafka_offsets`, moved in the
transaction that writes what lies before them. A drain killed anywhere is repeated or was complete;
two at once take turns.
"""

import dataclasses
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass

from include.broker.log_reader import LogReader
from include.runtime import run_command, tune_gc
from include.settings import Settings
from include.warehouse import continuity, load, offsets
from include.warehouse.batches import Batch, Batches
from include.warehouse.connection import Connection, connect, postgres_errors, target
from include.warehouse.continuity import Extent, Lost
from include.warehouse.offsets import Offsets, Places
from include.warehouse.read_ahead import ReadAhead
from include.warehouse.statements import statement
from include.warehouse.tables import CANDLES, CRYPTO_PRICES, DEAD_LETTERS, GAPS, TRADES


@dataclass(frozen=True, slots=True)
class Drained:
    """
    What one drain did.

    Attributes:
        snapshots: And trades, candles, gaps, dead_letters: new rows of their tables.
        duplicates: Rows that were there already, and stayed; snapshots told again.
        candles_revised: Those of them whose candle now says otherwise.
        records: Kafka records read.
        offsets: By partition, where the next drain goes on.
        lost_offsets: By partition, the offsets [from, until) deleted before they were drained;
            also in table `kafka_losses`.
        caught_up: Whether it came to the end the topic had when it started.
    """

    snapshots: int
    trades: int
    candles: int
    gaps: int
    dead_letters: int
    duplicates: int
    candles_revised: int
    records: int
    offsets: dict[str, int]
    lost_offsets: dict[str, tuple[int, int]]
    caught_up: bool


def drain(connection: Connection, settings: Settings) -> Drained:
    """
    Write the records of `settings.topic_market` from the stored offsets to its end as of now.

    Takes `settings.drain_max_s` at most; `caught_up` says whether that was enough. The idle
    *connection*, as the writer role, is put into autocommit mode and stays open.

    Raises:
        Unavailable: Kafka or PostgreSQL is away: run it again. What was committed stands.
        Misconfigured: The topic was made again or cut (`include.warehouse.continuity`), or the
            tables are not ours.
    """
    topic = settings.topic_market
    with (
        postgres_errors(target(settings), "draining"),
        LogReader(settings, topic) as reader,
    ):
        deadline_s = time.monotonic() + settings.drain_max_s
        connection.autocommit = True
        connection.execute(statement("load/bound_session"))
        topic_id, beginnings = reader.topic_id(), reader.beginnings()
        places = offsets.stored(connection, topic, beginnings, topic_id)
        ends = reader.ends()  # asked last: no other drain's offset is behind them
        extent = Extent(topic, topic_id, beginnings, ends)
        with continuity.recorded(connection, topic_id, topic):
            continuity.check(places, extent)
        lost: Lost = {}
        if continuity.is_lost(places, extent):
            lost = continuity.pass_over_lost(connection, extent)
            places = offsets.stored(connection, topic, beginnings, topic_id)
        stopping = threading.Event()
        batches = Batches(settings, reader, ends, deadline_s, stopping)
        with tune_gc(), ReadAhead(batches, stopping) as ahead:
            return _Drain(connection, extent, ahead, lost).run(places)


class _Drain:
    """One drain under way: the state its steps share."""

    def __init__(
        self, connection: Connection, extent: Extent, batches: ReadAhead, lost: Lost
    ) -> None:
        self._connection = connection
        self._extent = extent
        self._batches = batches
        self._lost = lost
        self._written: Counter[str] = Counter()
        self._records = 0

    def run(self, places: Places) -> Drained:
        self._batches.start_from(places)
        reached = {partition: place.offset for partition, place in places.items()}
        while batch := self._batches.next():
            load.ensure_partitions(self._connection, batch.entries)
            reached = batch.after if self._commit(batch) else self._follow()
        return self._drained(reached)

    def _commit(self, batch: Batch) -> bool:
        """Write the batch and move the offsets; False if another drain has moved them."""
        with self._connection.transaction():
            stored = offsets.lock(self._connection, self._extent.topic)
            if any(stored.get(partition) != offset for partition, offset in batch.before.items()):
                return False
            written = load.write(self._connection, batch.entries)
            offsets.move(self._connection, self._extent.topic, batch.after, batch.folds)
        told_again = sum(not entry.rows for entry in batch.entries)
        self._written += written + Counter({load.DUPLICATES: told_again})
        self._records += len(batch.entries)
        return True

    def _follow(self) -> Offsets:
        """Go on where another drain has come to, from its folds."""
        topic, topic_id, beginnings, _ = self._extent
        places = offsets.stored(self._connection, topic, beginnings, topic_id)
        places = {partition: places[partition] for partition in beginnings}
        continuity.check_folds(places, topic)
        self._batches.start_from(places)
        return {partition: place.offset for partition, place in places.items()}

    def _drained(self, reached: Offsets) -> Drained:
        return Drained(
            snapshots=self._written[CRYPTO_PRICES.name],
            trades=self._written[TRADES.name],
            candles=self._written[CANDLES.name],
            gaps=self._written[GAPS.name],
            dead_letters=self._written[DEAD_LETTERS.name],
            duplicates=self._written[load.DUPLICATES],
            candles_revised=self._written[load.REVISED],
            records=self._records,
            offsets={str(partition): offset for partition, offset in sorted(reached.items())},
            lost_offsets={str(partition): lost for partition, lost in self._lost.items()},
            caught_up=self._batches.is_end(reached),
        )


def drain_once() -> None:
    """Drain; print what was done as one line of JSON."""
    settings = Settings.load()
    with connect(settings, application="drain") as connection:
        drained = drain(connection, settings)
    print(json.dumps(dataclasses.asdict(drained)))


def main() -> int:
    return run_command("drain", drain_once)


if __name__ == "__main__":
    sys.exit(main())
