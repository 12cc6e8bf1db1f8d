"""
The consumer: `crypto.market` folded into KPIs, KPIs into InfluxDB.

`python -m include.streaming.consumer`; ends on SIGTERM with 0, on a wrong setting or a refused
token with 2, never because Kafka or InfluxDB is away: /healthz says so then. What a crash leaves
unsaved is read, folded and written again, to the same points: see `include.streaming.partitions`.
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
from include.kpis.records import Event
from include.settings import Settings
from include.streaming import service
from include.streaming.dead_letters import DeadLetter
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.health.services import consumer_health
from include.streaming.partitions import Partitions
from include.streaming.point_writer import Made, PointWriter, Sink
from include.streaming.write_behind import Batch, WriteBehind

MAX_RECORDS = 5_000
POLL_TIMEOUT_S = 0.5
BUSY_TIMEOUT_S = 0.05  # of a poll while there is something else to find out
ROOM_TIMEOUT_S = 1.0  # how long InfluxDB may take before partitions are paused
REPORT_EVERY_S = 30.0

logger = structlog.get_logger()


class Consumer:
    """
    One round after the other: poll, decode, fold; behind it writes and checkpoints.

    Attributes:
        counts: Records read, points written, records parked since the start.
    """

    def __init__(
        self,
        member: GroupMember,
        partitions: Partitions,
        behind: WriteBehind,
        health: ConsumerHealth,
    ) -> None:
        self._member = member
        self._partitions = partitions
        self._behind = behind
        self._health = health
        self._reached: Mapping[int, int] = {}
        self._is_held = False
        self.counts = {"records": 0, "points": 0, "parked": 0}

    def round(self) -> int:
        """
        Read and fold one batch, if there is room for it; return the records stored meanwhile.

        Raises:
            Unavailable: Kafka or InfluxDB is away. The folds may be ahead of InfluxDB: start over
                with a new consumer, from the checkpoints.
            Misconfigured: InfluxDB refuses us.
        """
        before = self.counts["records"]
        self._hold(is_full=not self._behind.has_room(ROOM_TIMEOUT_S))
        self._follow_up()
        records = self._member.poll(MAX_RECORDS, self._poll_timeout_s())
        if not self._is_held:
            self._start_assigned()
            self._put(records)
        self._follow_up()
        self._report()
        return self.counts["records"] - before

    def finish(self) -> None:
        """
        Have all that is folded stored and checkpointed.

        Raises:
            Unavailable: As `round`.
            Misconfigured: As `round`.
        """
        self._behind.flush()
        self._follow_up()
        self._partitions.save(self._member, self._partitions.snapshots(self._partitions.owned))

    def _hold(self, *, is_full: bool) -> None:
        """Pause what we own while the queue is full: without polls the group would lose us."""
        if is_full:
            self._member.hold()
        elif self._is_held:
            self._member.release()
        self._is_held = is_full

    def _poll_timeout_s(self) -> float:
        is_in = bool(self._partitions.owned)
        return POLL_TIMEOUT_S if is_in and self._behind.is_idle else BUSY_TIMEOUT_S

    def _start_assigned(self) -> None:
        if assigned := self._member.newly_assigned():
            self._health.rebalanced()
            self._member.start(self._partitions.start(self._member.extents(assigned)))

    def _put(self, records: Sequence[Record]) -> None:
        events, made, letters = self._folded(records)
        positions = self._member.positions(self._partitions.owned)
        self._partitions.moved(positions)
        snapshots = self._partitions.snapshots_if_due()
        if records or snapshots:
            self._health.read(events)
            self._behind.put(Batch(len(records), made, letters, positions, snapshots))
        elif self._behind.is_idle:
            self._reached = positions

    def _follow_up(self) -> None:
        """Do what had to wait until batches were stored."""
        for batch, refused, at_s, took_s in self._behind.stored():
            points = [point for _, point in batch.made]
            self._health.stored(points, len(batch.letters), refused, at_s, took_s)
            self._health.moves()
            self._reached = batch.positions
            self.counts["records"] += batch.records
            self.counts["points"] += len(points)
            self.counts["parked"] += len(batch.letters) + refused
            self._partitions.save(self._member, batch.snapshots)

    def _report(self) -> None:
        owned = set(self._partitions.owned)
        paused = self._member.newly_assigned() | (owned if self._is_held else set())
        self._health.round_done({n: o for n, o in self._reached.items() if n in owned}, paused)
        if self._behind.is_idle:
            self._health.moves()

    def _folded(
        self, records: Sequence[Record]
    ) -> tuple[list[Event], list[Made], list[DeadLetter]]:
        events: list[Event] = []
        made: list[Made] = []
        letters = []
        for record in records:
            try:
                event = wire.decode(record.value)
            except BadRecord as e:
                letters.append(DeadLetter(record, str(e)))
                continue
            events.append(event)
            points = self._partitions.fold(record.partition, event)
            made += [Made(record, point) for point in points]
        return events, made, letters


def consume(settings: Settings, stopping: threading.Event) -> None:
    """
    Consume until *stopping* is set, through any absence of Kafka and InfluxDB.

    Raises:
        Misconfigured: InfluxDB refuses us, or a setting is wrong.
    """
    sink = InfluxDB(settings)
    try:
        with consumer_health(settings) as health:
            for attempt in tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(Unavailable),
                wait=retry.wait_s,
                before_sleep=retry.report_with(_report(health)),
                sleep=tenacity.sleep_using_event(stopping),
                stop=tenacity.stop_when_event_set(stopping),
                reraise=True,
            ):
                with attempt, retry.anew_after_work(attempt) as worked:
                    _consume_from_checkpoints(settings, sink, health, stopping, worked)
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
    worked: threading.Event,
) -> None:
    points = PointWriter(sink, _report(health))
    with (
        closing(AcknowledgedWriter(settings, "crypto-kpi-consumer-writer")) as writer,
        closing(WriteBehind(settings, points, writer)) as behind,
    ):
        partitions = Partitions(settings, writer, behind)
        health.session_began(partitions)
        with closing(GroupMember(settings, settings.topic_market, partitions)) as member:
            consumer = Consumer(member, partitions, behind, health)
            logger.info("consumer.started", group=settings.consumer_group)
            report_at_s = time.monotonic() + REPORT_EVERY_S
            while not stopping.is_set():
                if consumer.round():
                    worked.set()
                if time.monotonic() >= report_at_s:
                    report_at_s += REPORT_EVERY_S
                    logger.info("consumer.wrote", **consumer.counts)
            points.hurry()
            consumer.finish()


def _report(health: ConsumerHealth) -> retry.Report:
    def report(failure: Unavailable, wait_s: float) -> None:
        health.failed(failure)
        event = f"{failure.dependency or 'something'}.unavailable"
        logger.warning(event, error=str(failure), retry_in_s=round(wait_s, 1))

    return report


def main() -> int:
    log.configure("consumer")
    service.collect_seldom()
    return service.run_until_stopped(lambda stopping: consume(Settings.load(), stopping))


if __name__ == "__main__":
    sys.exit(main())
