"""
Batches of the drain: what one transaction writes, read from Kafka and folded ahead of the commit.

A batch carries the folds' states after it. A drain that cannot commit a batch starts again from
positions that are committed.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from include.broker.log_reader import LogReader
from include.errors import Unavailable
from include.kpis.engine import KpiEngine
from include.settings import Settings
from include.warehouse.offsets import Offsets, Positions, dump_fold, resume_fold
from include.warehouse.rows import Entry, decode_entry

POLL_RECORDS = 50  # a record may hold 1,000 trades: a batch may exceed its rows by one poll
MAX_RECORD_BYTES = 1024 * 1024  # Kafka's default limit
POLL_S = 0.5
STALL_S = 20.0  # without a record or a new position before the end of the topic


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in order, and the positions around them."""

    entries: list[Entry]
    before: Offsets
    """Start of the batch, for all partitions."""
    after: Offsets
    """End of the batch, for all partitions."""
    folds: dict[int, str]
    """The fold's state after the batch, as JSON, of each partition that moved."""


class BatchReader:
    """Reads batches up to *ends*. Call `start_from` first."""

    def __init__(
        self,
        settings: Settings,
        reader: LogReader,
        ends: Mapping[int, int],
        deadline_s: float,
        stopping: threading.Event,
    ) -> None:
        """
        Prepare; nothing is read before `start_from`.

        Args:
            settings: `drain_max_rows` and `drain_max_bytes` limit a batch.
            reader: The open topic.
            ends: Where each partition ends.
            deadline_s: When to stop, in seconds of the monotonic clock.
            stopping: Ends the current batch early.
        """
        self._settings = settings
        self._reader = reader
        self._ends = ends
        self._deadline_s = deadline_s
        self._stopping = stopping
        self._offsets: Offsets = {}
        self._folds: dict[int, KpiEngine] = {}

    def start_from(self, positions: Positions) -> None:
        """Discard what was read, and continue from *positions*, one for each partition."""
        self._offsets = {number: position.offset for number, position in positions.items()}
        self._folds = {number: resume_fold(position) for number, position in positions.items()}
        self._reader.seek(self._offsets)

    def next(self) -> Batch | None:
        """
        Return the next batch, or None at the end or after the deadline.

        A batch ends at `drain_max_rows` rows or `drain_max_bytes` of records, whichever is first,
        or with the topic.

        Raises:
            Unavailable: Kafka is unreachable.
        """
        if self.is_end(self._offsets) or time.monotonic() > self._deadline_s:
            return None
        before = self._offsets
        entries = self._gather()
        moved = [p for p, offset in self._offsets.items() if offset != before[p]]
        folds = {partition: dump_fold(self._folds[partition]) for partition in moved}
        return Batch(entries, before, self._offsets, folds)

    def is_end(self, offsets: Mapping[int, int]) -> bool:
        """Return whether all partitions have reached their ends."""
        return all(offsets[partition] >= end for partition, end in self._ends.items())

    def _gather(self) -> list[Entry]:
        entries: list[Entry] = []
        rows_left, bytes_left = self._settings.drain_max_rows, self._settings.drain_max_bytes
        stalled_at = time.monotonic() + STALL_S
        while rows_left > 0 and bytes_left > 0 and not self.is_end(self._offsets):
            max_records = max(1, min(POLL_RECORDS, rows_left, bytes_left // MAX_RECORD_BYTES))
            for record in self._reader.poll(max_records, POLL_S):
                entries.append(decode_entry(record, self._folds[record.partition]))
                rows_left -= len(entries[-1].rows) or 1
                bytes_left -= len(record.value or b"")
            before, self._offsets = self._offsets, self._reader.positions()
            now = time.monotonic()
            if self._offsets != before:
                stalled_at = now + STALL_S
            elif now > stalled_at:
                raise Unavailable(
                    f"Kafka at {self._settings.kafka_bootstrap}: no record for {STALL_S:.0f} s "
                    f"after {self._offsets}, although the topic ends at {self._ends}"
                )
            if now > self._deadline_s or self._stopping.is_set():
                break
        return entries


class ReadAhead:
    """
    Reads and folds the next batch in a thread while PostgreSQL writes the one before.

    Only one thread uses *batches* at a time: the caller's only after the thread's batch is done.
    """

    def __init__(self, batches: BatchReader, stopping: threading.Event) -> None:
        self._batches = batches
        self._stopping = stopping
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._following: Future[Batch | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.shutdown()

    def start_from(self, positions: Positions) -> None:
        """Discard the batch read ahead, and its error if it failed; then as `BatchReader`."""
        if self._following is not None:
            self._following.exception()
        self._batches.start_from(positions)
        self._following = self._thread.submit(self._batches.next)

    def next(self) -> Batch | None:
        """Return the next batch as `BatchReader.next`, and start to read the one after it."""
        assert self._following is not None
        batch = self._following.result()
        if batch is not None:
            self._following = self._thread.submit(self._batches.next)
        return batch

    def is_end(self, offsets: Mapping[int, int]) -> bool:
        """Return whether all partitions have reached their ends."""
        return self._batches.is_end(offsets)
