"""
Batches stored by a thread of their own, while the next are read and folded.

One thread: what came first is stored first. Few batches wait, and behind one that failed none is
stored any more: whoever folds finds out, and starts over from the checkpoints.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import NamedTuple

from include.errors import Unavailable
from include.settings import Settings
from include.streaming.dead_letters import DeadLetter, outgoing
from include.streaming.partition import Snapshot
from include.streaming.partitions import Writer
from include.streaming.point_writer import Made, PointWriter

MOST_BATCHES = 2  # one on its way, and one to follow it


class Batch(NamedTuple):
    """
    What was read and folded in one go.

    Attributes:
        records: How many were read.
        letters: Those of them that are unreadable.
        positions: Where reading goes on behind it, by partition.
        snapshots: To be checkpoints once it is stored.
    """

    records: int
    made: Sequence[Made]
    letters: Sequence[DeadLetter]
    positions: Mapping[int, int]
    snapshots: Sequence[Snapshot]


class Stored(NamedTuple):
    """A batch that is in InfluxDB since *at_s*, but for *refused* records, which are parked."""

    batch: Batch
    refused: int
    at_s: float
    took_s: float


class WriteBehind:
    """
    The thread and the queue before it.

    All methods are for the thread that folds; `flush` and `give_up` also for one it waits for.
    """

    def __init__(self, settings: Settings, points: PointWriter, parking: Writer) -> None:
        self._settings = settings
        self._points = points
        self._parking = parking
        self._executor = ThreadPoolExecutor(1, "write-behind")
        self._waiting: deque[Future[Stored]] = deque()
        self._given_up = Event()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, nor is stored and not yet told by `stored`."""
        return not self._waiting

    def put(self, batch: Batch) -> None:
        """Have *batch* stored behind those before it; there must be room."""
        future = self._executor.submit(self._store, batch)
        future.add_done_callback(self._stop_if_failed)
        self._waiting.append(future)

    def has_room(self, timeout_s: float) -> bool:
        """Return whether another batch may be put, at the latest after *timeout_s*."""
        if len(self._waiting) >= MOST_BATCHES:
            return bool(wait([self._waiting[0]], timeout_s).done)
        return True

    def stored(self) -> list[Stored]:
        """
        Return what was stored since the last time, in order.

        Raises:
            PipelineError: A batch could not be: neither are those behind it.
        """
        found = []
        while self._waiting and self._waiting[0].done():
            found.append(self._waiting[0].result())
            self._waiting.popleft()
        return found

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all is stored; return whether it is."""
        waiting = list(self._waiting)
        wait(waiting, timeout_s)
        return not self._given_up.is_set() and all(f.done() and not f.exception() for f in waiting)

    def give_up(self) -> None:
        """Store nothing more, but for the request that is on its way."""
        self._given_up.set()
        self._points.hurry()

    def close(self) -> None:
        """Give up, and return once nothing is on its way."""
        self.give_up()
        self._executor.shutdown(cancel_futures=True)

    def _store(self, batch: Batch) -> Stored:
        if self._given_up.is_set():
            raise Unavailable("writing behind: given up with a batch before")
        began_s = time.monotonic()
        refused = self._points.write(batch.made)
        if letters := [*batch.letters, *refused]:
            self._parking.write(outgoing(self._settings, letters))
        return Stored(batch, len(refused), time.time(), time.monotonic() - began_s)

    def _stop_if_failed(self, future: Future[Stored]) -> None:
        if not future.cancelled() and future.exception() is not None:
            self._given_up.set()  # still in the thread: before it takes the next batch
