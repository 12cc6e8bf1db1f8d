"""
Move Kafka's records into PostgreSQL exactly once; `python -m include.warehouse.drain` runs it.

The drain runs the live consumer's fold over the same log, so a row of `crypto_prices` equals the
point in InfluxDB. Offset and fold state of each partition are a row of `kafka_offsets`, moved in
the transaction that writes the rows before it. A drain may be killed at any point and repeated. Two
drains at once take turns.
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
from include.warehouse.batches import Batch, BatchReader, ReadAhead
from include.warehouse.connection import (
    Connection,
    connect,
    limit_session,
    postgres_errors,
    target,
)
from include.warehouse.continuity import LostOffsets, TopicRange
from include.warehouse.offsets import Offsets, Positions
from include.warehouse.tables import CANDLES, CRYPTO_PRICES, DEAD_LETTERS, GAPS, TRADES


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What one drain did; counts by table are of new rows."""

    snapshots: int
    trades: int
    candles: int
    gaps: int
    dead_letters: int
    duplicates: int
    """Rows that were stored already and stayed, and repeated snapshots."""
    candles_revised: int
    """Duplicates whose candle now has other values."""
    records: int
    """Kafka records read."""
    offsets: dict[str, int]
    """The next offset, by partition."""
    lost_offsets: dict[str, tuple[int, int]]
    """Offsets [from, until) deleted before they were drained, by partition; see `kafka_losses`."""
    caught_up: bool
    """Whether the drain reached the end that the topic had at start."""


def drain(connection: Connection, settings: Settings) -> DrainResult:
    """
    Write the records of `settings.topic_market` from the stored offsets to the current end.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode and stays open.
        settings: `drain_max_s` limits the time; `caught_up` is False if it was not enough.

    Raises:
        Unavailable: Kafka or PostgreSQL is unreachable: run it again. Committed batches stand.
        Misconfigured: The topic was recreated or truncated (`include.warehouse.continuity`), or the
            tables are not those of this version.
    """
    topic = settings.topic_market
    with (
        postgres_errors(target(settings), "draining"),
        LogReader(settings, topic) as reader,
    ):
        deadline_s = time.monotonic() + settings.drain_max_s
        connection.autocommit = True
        limit_session(connection)
        topic_id, beginnings = reader.topic_id(), reader.beginnings()
        positions = offsets.load_positions(connection, topic, beginnings, topic_id)
        ends = reader.ends()  # requested last: no offset of another drain is behind them
        held = TopicRange(topic, topic_id, beginnings, ends)
        with continuity.record_rejection(connection, topic_id, topic):
            continuity.check(positions, held)
        lost: LostOffsets = {}
        if continuity.is_lost(positions, held):
            lost = continuity.skip_lost_offsets(connection, held)
            positions = offsets.load_positions(connection, topic, beginnings, topic_id)
        stopping = threading.Event()
        batches = BatchReader(settings, reader, ends, deadline_s, stopping)
        with tune_gc(), ReadAhead(batches, stopping) as ahead:
            return _Drain(connection, held, ahead, lost).run(positions)


class _Drain:
    """The state that the steps of one drain share."""

    def __init__(
        self, connection: Connection, held: TopicRange, batches: ReadAhead, lost: LostOffsets
    ) -> None:
        self._connection = connection
        self._held = held
        self._batches = batches
        self._lost = lost
        self._written: Counter[str] = Counter()
        self._records = 0

    def run(self, positions: Positions) -> DrainResult:
        self._batches.start_from(positions)
        reached = {partition: position.offset for partition, position in positions.items()}
        while batch := self._batches.next():
            load.ensure_partitions(self._connection, batch.entries)
            reached = batch.after if self._commit(batch) else self._follow()
        return self._result(reached)

    def _commit(self, batch: Batch) -> bool:
        """Write the batch and move the offsets; return False if another drain has moved them."""
        topic = self._held.topic
        with self._connection.transaction():
            stored = offsets.lock(self._connection, topic)
            if any(stored.get(partition) != offset for partition, offset in batch.before.items()):
                return False
            written = load.write(self._connection, batch.entries)
            offsets.move(self._connection, topic, batch.after, batch.folds)
        repeated = sum(not entry.rows for entry in batch.entries)
        self._written += written + Counter({load.DUPLICATES: repeated})
        self._records += len(batch.entries)
        return True

    def _follow(self) -> Offsets:
        """Continue from the positions that another drain has committed."""
        topic, topic_id, beginnings, _ = self._held
        positions = offsets.load_positions(self._connection, topic, beginnings, topic_id)
        positions = {partition: positions[partition] for partition in beginnings}
        continuity.check_folds(positions, topic)
        self._batches.start_from(positions)
        return {partition: position.offset for partition, position in positions.items()}

    def _result(self, reached: Offsets) -> DrainResult:
        return DrainResult(
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
    """Drain; print the result as one line of JSON."""
    settings = Settings.load()
    with connect(settings, application="drain") as connection:
        result = drain(connection, settings)
    print(json.dumps(dataclasses.asdict(result)))


def main() -> int:
    return run_command("drain", drain_once)


if __name__ == "__main__":
    sys.exit(main())
