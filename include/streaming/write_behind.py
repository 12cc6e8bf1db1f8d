"""
Write points to InfluxDB in a thread of its own, while the consumer reads and folds the next batch.

There is one thread, so batches are stored in their order. The queue is short. After a failed batch
no later one is stored. The consumer gets the error and starts over from the checkpoints.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple, Protocol

import tenacity

from include import retry
from include.broker.records import Record
from include.errors import BadRecord, Unavailable
from include.influxdb import lines
from include.kpis.records import Point
from include.settings import Settings
from include.streaming import dead_letters
from include.streaming.dead_letters import DeadLetter
from include.streaming.partitions import PendingCheckpoint, RecordWriter

MAX_RETRY_S = 60.0
"""How long one write is retried; well below Kafka's max.poll.interval of 5 minutes."""
MAX_POINTS = 10_000
"""Points in one request, about 2 MB. One page of trades makes many points from one record."""
MAX_QUEUED_BATCHES = 2
"""One batch that is being written, and the next one."""


class EncodedPoint(NamedTuple):
    """A point as line protocol, which takes far less memory than the point's numbers as objects."""

    record: Record
    """The record whose event made the point."""
    kind: type[Point]
    """The point's class."""
    line: str
    """The line; empty if no field has a value."""


def encode_point(record: Record, point: Point) -> EncodedPoint:
    """Return *point*, made from *record*, as line protocol."""
    return EncodedPoint(record, type(point), lines.encode_point(point))


class Sink(Protocol):
    """A store of points. To write the same points twice has the effect of writing them once."""

    def write(self, lines: bytes) -> None: ...


class PointWriter:
    """Writes points to a sink, and retries while the sink is unreachable."""

    def __init__(self, sink: Sink, report: retry.Report) -> None:
        """
        Write to *sink*.

        Args:
            sink: The store.
            report: Called with each failure that is retried.
        """
        self._sink = sink
        self._report = report
        self._is_stopped = threading.Event()

    def stop_retrying(self) -> None:
        """Let the next failure end a write. Safe to call from any thread."""
        self._is_stopped.set()

    def write(self, points: Sequence[EncodedPoint]) -> list[DeadLetter]:
        """
        Store *points* in their order. Return a dead letter for each record the sink rejects.

        Raises:
            Unavailable: The sink was unreachable for MAX_RETRY_S, or `stop_retrying` was called.
                Some of the points may be stored.
            Misconfigured: The sink rejects the token, the bucket, or the organization.
        """
        letters: dict[Record, DeadLetter] = {}
        for start in range(0, len(points), MAX_POINTS):
            rejected = self._write_or_bisect(points[start : start + MAX_POINTS])
            letters |= {letter.record: letter for letter in rejected}
        return list(letters.values())

    def _write_or_bisect(self, points: Sequence[EncodedPoint]) -> list[DeadLetter]:
        """Write. If the sink rejects the request, find the rejected points by halving it."""
        try:
            self._write("\n".join([line for _, _, line in points if line]).encode())
        except BadRecord as e:
            if len(points) == 1:
                return [DeadLetter(points[0].record, str(e))]
            middle = len(points) // 2
            return self._write_or_bisect(points[:middle]) + self._write_or_bisect(points[middle:])
        return []

    def _write(self, batch: bytes) -> None:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            wait=retry.wait_s,
            before_sleep=retry.before_sleep(self._report),
            sleep=tenacity.sleep_using_event(self._is_stopped),
            stop=tenacity.stop_any(
                tenacity.stop_after_delay(MAX_RETRY_S),
                tenacity.stop_when_event_set(self._is_stopped),
            ),
            reraise=True,
        ):
            with attempt:
                self._sink.write(batch)


class WriteBatch(NamedTuple):
    """The result of reading and folding one poll."""

    record_count: int
    """Records read, undecodable ones included."""
    points: Sequence[EncodedPoint]
    dead_letters: Sequence[DeadLetter]
    """The records that cannot be decoded."""
    positions: Mapping[int, int]
    """By partition, the offset of the next record after this batch."""
    checkpoints: Sequence[PendingCheckpoint]
    """To be written once this batch is stored."""


class WriteResult(NamedTuple):
    """A batch that InfluxDB has stored, except for rejected records."""

    batch: WriteBatch
    rejected_count: int
    """Records that InfluxDB rejected; they are among the dead letters."""
    at_s: float
    """When it was stored, in seconds since the epoch."""
    took_s: float


class WriteBehind:
    """
    The thread that writes, and the queue before it.

    Its methods are for the thread that folds. `flush` and `abort` may also be called by a thread
    that the folding thread waits for.
    """

    def __init__(
        self, settings: Settings, points: PointWriter, dead_letter_writer: RecordWriter
    ) -> None:
        self._settings = settings
        self._points = points
        self._dead_letter_writer = dead_letter_writer
        self._executor = ThreadPoolExecutor(1, "write-behind")
        self._queued: deque[Future[WriteResult]] = deque()
        self._is_aborted = threading.Event()

    @property
    def is_idle(self) -> bool:
        """Whether the queue is empty and `pop_results` has returned all results."""
        return not self._queued

    def put(self, batch: WriteBatch) -> None:
        """Queue *batch*. Call it only if `has_room` returned True."""
        future = self._executor.submit(self._store, batch)
        future.add_done_callback(self._abort_if_failed)
        self._queued.append(future)

    def has_room(self, timeout_s: float) -> bool:
        """Return whether another batch may be queued. Wait for at most *timeout_s*."""
        if len(self._queued) >= MAX_QUEUED_BATCHES:
            return bool(wait([self._queued[0]], timeout_s).done)
        return True

    def pop_results(self) -> list[WriteResult]:
        """
        Return the batches stored since the last call, in their order.

        Raises:
            PipelineError: A batch could not be stored. Those after it are not stored either.
        """
        results = []
        while self._queued and self._queued[0].done():
            results.append(self._queued[0].result())
            self._queued.popleft()
        return results

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all is stored, at most for *timeout_s*. Return whether all is stored."""
        queued = list(self._queued)
        wait(queued, timeout_s)
        return not self._is_aborted.is_set() and all(f.done() and not f.exception() for f in queued)

    def abort(self) -> None:
        """Store no further batch. A request that was already sent may still be stored."""
        self._is_aborted.set()
        self._points.stop_retrying()

    def close(self) -> None:
        """Abort, and return when no request is under way."""
        self.abort()
        self._executor.shutdown(cancel_futures=True)

    def _store(self, batch: WriteBatch) -> WriteResult:
        if self._is_aborted.is_set():
            raise Unavailable("InfluxDB: the batch was not written: an earlier one failed")
        began_s = time.monotonic()
        rejected = self._points.write(batch.points)
        if letters := [*batch.dead_letters, *rejected]:
            self._dead_letter_writer.write(dead_letters.encode(self._settings, letters))
        return WriteResult(batch, len(rejected), time.time(), time.monotonic() - began_s)

    def _abort_if_failed(self, future: Future[WriteResult]) -> None:
        if not future.cancelled() and future.exception() is not None:
            self._is_aborted.set()  # runs in the writing thread, before its next batch
