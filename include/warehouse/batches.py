"""
What one transaction writes, read from Kafka and folded.

The folds run ahead of what is committed: each batch carries their states after it, and whoever
cannot commit a batch starts over from places that are committed.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from include.broker.log_reader import LogReader
from include.errors import Unavailable
from include.kpis.engine import KpiEngine
from include.settings import Settings
from include.warehouse.offsets import Offsets, Places, dumped, resumed
from include.warehouse.rows import Entry, entry

POLL_RECORDS = 50  # a record may be a page of 1,000 trades: what a batch may exceed its rows by
MOST_RECORD_BYTES = 1024 * 1024  # Kafka's limit for a message
POLL_S = 0.5
STALL_S = 20.0  # without a record or a step of the position, although there should be some


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Records in order, and where they lead.

    Attributes:
        before: Where the batch begins, all partitions.
        after: Where it ends.
        folds: The fold's state after it, as JSON, of each partition that moved.
    """

    entries: list[Entry]
    before: Offsets
    after: Offsets
    folds: dict[int, str]


class Batches:
    """
    The batches from chosen places to *ends*, or until *deadline_s* of the monotonic clock.

    Call `start_from` first. *stopping* ends a batch under way early.
    """

    def __init__(
        self,
        settings: Settings,
        reader: LogReader,
        ends: Mapping[int, int],
        deadline_s: float,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._ends = ends
        self._deadline_s = deadline_s
        self._stopping = stopping
        self._positions: Offsets = {}
        self._folds: dict[int, KpiEngine] = {}

    def start_from(self, places: Places) -> None:
        """Forget what was read; go on from *places*, one for each partition."""
        self._positions = {partition: place.offset for partition, place in places.items()}
        self._folds = {partition: resumed(place) for partition, place in places.items()}
        self._reader.seek(self._positions)

    def next(self) -> Batch | None:
        """
        Return the next batch; None at the end or the deadline.

        It has `drain_max_rows` rows or `drain_max_bytes` of records, whichever comes first, or what
        is left.

        Raises:
            Unavailable: Kafka is away.
        """
        if self.is_end(self._positions) or time.monotonic() > self._deadline_s:
            return None
        before = self._positions
        entries = self._gather()
        moved = [p for p, offset in self._positions.items() if offset != before[p]]
        folds = {partition: dumped(self._folds[partition]) for partition in moved}
        return Batch(entries, before, self._positions, folds)

    def is_end(self, positions: Mapping[int, int]) -> bool:
        """Return whether all partitions have come to their ends."""
        return all(positions[partition] >= end for partition, end in self._ends.items())

    def _gather(self) -> list[Entry]:
        entries: list[Entry] = []
        rows_left, bytes_left = self._settings.drain_max_rows, self._settings.drain_max_bytes
        stalled_at = time.monotonic() + STALL_S
        while rows_left > 0 and bytes_left > 0 and not self.is_end(self._positions):
            fitting = bytes_left // MOST_RECORD_BYTES
            most = max(1, min(POLL_RECORDS, rows_left, fitting))
            for record in self._reader.poll(most, POLL_S):
                entries.append(entry(record, self._folds[record.partition]))
                rows_left -= len(entries[-1].rows) or 1
                bytes_left -= len(record.value or b"")
            before, self._positions = self._positions, self._reader.positions()
            now = time.monotonic()
            if self._positions != before:
                stalled_at = now + STALL_S
            elif now > stalled_at:
                raise Unavailable(
                    f"Kafka at {self._settings.kafka_bootstrap}: no record for {STALL_S:.0f} s "
                    f"after {self._positions}, although the topic ends at {self._ends}"
                )
            if now > self._deadline_s or self._stopping.is_set():
                break
        return entries
