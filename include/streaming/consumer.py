"""
The consumer: fold the topic `crypto.market` into KPIs, and write them to InfluxDB.

`python -m include.streaming.consumer` runs until SIGTERM and exits with 0. With a wrong setting or
a rejected token it exits with 2. While Kafka or InfluxDB is unreachable it retries, and `/healthz`
reports that. After a crash the records since the last checkpoint are processed again, to the same
points (see `include.streaming.partitions`).
"""

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

import structlog
import tenacity

from include import log, retry, wire
from include.broker.group_member import GroupMember
from include.broker.records import Record
from include.broker.writer import AcknowledgedWriter
from include.errors import BadRecord, Unavailable
from include.influxdb.writer import InfluxDB
from include.runtime import tune_gc
from include.settings import Settings
from include.streaming import service
from include.streaming.dead_letters import DeadLetter
from include.streaming.health.consumer import ConsumerHealth, Moment, moment
from include.streaming.health.services import consumer_health
from include.streaming.partitions import Partitions
from include.streaming.write_behind import (
    EncodedPoint,
    PointWriter,
    Sink,
    WriteBatch,
    WriteBehind,
    encode_point,
)

LOG_INTERVAL_S = 30.0
MAX_RECORDS = 5_000
POLL_TIMEOUT_S = 0.5
BUSY_POLL_TIMEOUT_S = 0.05
"""Of a poll while results of writes, or the assignment of partitions, are expected."""
ROOM_TIMEOUT_S = 1.0
"""How long the queue may stay full before the partitions are paused."""

logger = structlog.get_logger()


class ConsumerLoop:
    """Poll, decode, and fold in the calling thread; a thread behind it writes the points."""

    counts: dict[str, int]
    """Since the start: `records` read, `points` written, `dead_letters` written."""

    def __init__(
        self,
        member: GroupMember,
        partitions: Partitions,
        queue: WriteBehind,
        health: ConsumerHealth,
    ) -> None:
        """
        Create the loop. The caller calls `poll_once` repeatedly, then `finish`.

        Args:
            member: Reads the topic as a member of the consumer group.
            partitions: The engines and checkpoints; the owner that *member* reports to.
            queue: Writes the points.
            health: Records what the loop does.
        """
        self._member = member
        self._partitions = partitions
        self._queue = queue
        self._health = health
        self._stored_positions: Mapping[int, int] = {}
        self._is_paused = False
        self.counts = {"records": 0, "points": 0, "dead_letters": 0}

    def poll_once(self) -> int:
        """
        Read and fold one batch, if the queue has room. Return how many records were stored.

        Raises:
            Unavailable: Kafka or InfluxDB is unreachable. The engines may be ahead of InfluxDB.
                Start over from the checkpoints, with a new loop.
            Misconfigured: InfluxDB rejects the token, the bucket, or the organization.
        """
        before = self.counts["records"]
        self._pause_if(is_full=not self._queue.has_room(ROOM_TIMEOUT_S))
        self._process_results()
        records = self._member.poll(MAX_RECORDS, self._poll_timeout_s())
        if not self._is_paused:
            self._start_assigned()
            self._put(records)
        self._process_results()
        self._report()
        return self.counts["records"] - before

    def finish(self) -> None:
        """
        Store all folded points, and write the checkpoints.

        Raises:
            Unavailable: See `poll_once`.
            Misconfigured: See `poll_once`.
        """
        self._queue.flush()
        self._process_results()
        self._partitions.save(self._member, self._partitions.collect(self._partitions.owned))

    def _pause_if(self, *, is_full: bool) -> None:
        """Pause the partitions while the queue is full. The group still requires polls."""
        if is_full:
            self._member.pause()
        elif self._is_paused:
            self._member.resume()
        self._is_paused = is_full

    def _poll_timeout_s(self) -> float:
        is_assigned = bool(self._partitions.owned)
        return POLL_TIMEOUT_S if is_assigned and self._queue.is_idle else BUSY_POLL_TIMEOUT_S

    def _start_assigned(self) -> None:
        if assigned := self._member.newly_assigned():
            self._health.rebalanced()
            self._member.seek(self._partitions.start(self._member.offset_ranges(assigned)))

    def _put(self, records: Sequence[Record]) -> None:
        read, points, letters = self._fold(records)
        positions = self._member.positions(self._partitions.owned)
        self._partitions.advance(positions)
        checkpoints = self._partitions.collect_due()
        if records or checkpoints:
            self._health.read(read)
            self._queue.put(WriteBatch(len(records), points, letters, positions, checkpoints))
        elif self._queue.is_idle:
            self._stored_positions = positions

    def _process_results(self) -> None:
        """Count the batches that were stored, and write their checkpoints."""
        for batch, rejected_count, at_s, took_s in self._queue.pop_results():
            kinds = [kind for _, kind, _ in batch.points]
            self._health.stored(kinds, len(batch.dead_letters), rejected_count, at_s, took_s)
            self._health.moves()
            self._stored_positions = batch.positions
            self.counts["records"] += batch.record_count
            self.counts["points"] += len(kinds)
            self.counts["dead_letters"] += len(batch.dead_letters) + rejected_count
            self._partitions.save(self._member, batch.checkpoints)

    def _report(self) -> None:
        owned = set(self._partitions.owned)
        paused = self._member.newly_assigned() | (owned if self._is_paused else set())
        positions = {n: o for n, o in self._stored_positions.items() if n in owned}
        self._health.round_done(positions, paused)
        if self._queue.is_idle:
            self._health.moves()

    def _fold(
        self, records: Sequence[Record]
    ) -> tuple[list[Moment], list[EncodedPoint], list[DeadLetter]]:
        """
        Decode and fold *records* one by one.

        A list of the decoded events would exceed the processor's cache. `bench.consumer` takes a
        third more time with one.
        """
        read: list[Moment] = []
        points: list[EncodedPoint] = []
        letters = []
        for record in records:
            try:
                event = wire.decode(record.value)
            except BadRecord as e:
                letters.append(DeadLetter(record, str(e)))
                continue
            read.append(moment(event))
            points += [
                encode_point(record, p) for p in self._partitions.fold(record.partition, event)
            ]
        return read, points, letters


def consume(settings: Settings, stopping: threading.Event) -> None:
    """
    Consume until *stopping* is set. Retry while Kafka or InfluxDB is unreachable.

    Raises:
        Misconfigured: A setting is wrong, or InfluxDB rejects the token, the bucket, or the
            organization.
    """
    sink = InfluxDB(settings)
    try:
        with consumer_health(settings) as health:
            for attempt in tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(Unavailable),
                wait=retry.wait_s,
                before_sleep=retry.before_sleep(_report(health)),
                sleep=tenacity.sleep_using_event(stopping),
                stop=tenacity.stop_when_event_set(stopping),
                reraise=True,
            ):
                with attempt, retry.reset_backoff_on_progress(attempt) as progressed:
                    _consume_from_checkpoints(settings, sink, health, stopping, progressed)
    except Unavailable:
        if not stopping.is_set():
            raise
    finally:
        sink.close()


def _consume_from_checkpoints(
    settings: Settings,
    sink: Sink,
    health: ConsumerHealth,
    stopping: threading.Event,
    progressed: threading.Event,
) -> None:
    points = PointWriter(sink, _report(health))
    with (
        closing(AcknowledgedWriter(settings, "crypto-kpi-consumer-writer")) as writer,
        closing(WriteBehind(settings, points, writer)) as queue,
    ):
        partitions = Partitions(settings, writer, queue)
        health.session_began(partitions)
        with closing(GroupMember(settings, settings.topic_market, partitions)) as member:
            loop = ConsumerLoop(member, partitions, queue, health)
            logger.info("consumer.started", group=settings.consumer_group)
            log_at_s = time.monotonic() + LOG_INTERVAL_S
            while not stopping.is_set():
                if loop.poll_once():
                    progressed.set()
                if time.monotonic() >= log_at_s:
                    log_at_s += LOG_INTERVAL_S
                    logger.info("consumer.wrote", **loop.counts)
            points.stop_retrying()
            loop.finish()
    member.leave()


def _report(health: ConsumerHealth) -> retry.Report:
    def report(failure: Unavailable, wait_s: float) -> None:
        health.failed(failure)
        event = f"{failure.dependency or 'dependency'}.unavailable"
        logger.warning(event, error=str(failure), retry_in_s=round(wait_s, 1))

    return report


def main() -> int:
    log.configure("consumer")
    with tune_gc():
        return service.run_until_stopped(lambda stopping: consume(Settings.load(), stopping))


if __name__ == "__main__":
    sys.exit(main())
