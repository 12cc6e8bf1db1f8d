"""
The consumer: `crypto.market` folded into KPIs, KPIs into InfluxDB.

`python -m include.streaming.consumer`; ends on SIGTERM with 0, on a wrong setting or a refused
token with 2, never because Kafka or InfluxDB is away: /healthz says so then. What a crash leaves
unsaved is read, folded and written again, to the same points: see `include.streaming.partitions`.
"""

import sys
import threading
import time
from collections.abc import Sequence
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
from include.streaming.dead_letters import DeadLetter, outgoing
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.health.services import consumer_health
from include.streaming.partitions import Partitions, Writer
from include.streaming.point_writer import Made, PointWriter, Sink

MAX_RECORDS = 5_000
POLL_TIMEOUT_S = 0.5
JOIN_TIMEOUT_S = 0.05  # of a poll that can return nothing yet, but find us in the group
REPORT_EVERY_S = 30.0

logger = structlog.get_logger()


class Consumer:
    """
    One round after the other: poll, decode, fold, write, checkpoint.

    Attributes:
        counts: Records read, points written, records parked since the start.
    """

    def __init__(
        self,
        settings: Settings,
        member: GroupMember,
        partitions: Partitions,
        points: PointWriter,
        parking: Writer,
        health: ConsumerHealth,
    ) -> None:
        self._settings = settings
        self._member = member
        self._partitions = partitions
        self._points = points
        self._parking = parking
        self._health = health
        self.counts = {"records": 0, "points": 0, "parked": 0}

    def round(self) -> int:
        """
        Move one batch through; return the records read.

        Raises:
            Unavailable: Kafka or InfluxDB is away. The folds may be ahead of InfluxDB: start over
                with a new consumer, from the checkpoints.
            Misconfigured: InfluxDB refuses us.
        """
        is_in = bool(self._partitions.owned)
        records = self._member.poll(MAX_RECORDS, POLL_TIMEOUT_S if is_in else JOIN_TIMEOUT_S)
        if assigned := self._member.newly_assigned():
            self._health.rebalanced()
            self._member.start(self._partitions.start(self._member.extents(assigned)))
        if records:
            self._store(records)
        positions = self._member.positions(self._partitions.owned)
        self._partitions.written(positions)
        self._partitions.save_if_due(self._member)
        self._health.round_done(positions, self._member.newly_assigned())
        return len(records)

    def _store(self, records: Sequence[Record]) -> None:
        events, made, letters = self._folded(records)
        self._health.reading(events)
        unreadable = len(letters)
        letters += self._points.write(made)
        refused = len(letters) - unreadable
        self._health.stored(events, [point for _, point in made], unreadable, refused)
        if letters:
            self._parking.write(outgoing(self._settings, letters))
        self.counts["records"] += len(records)
        self.counts["points"] += len(made)
        self.counts["parked"] += len(letters)

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
    with closing(AcknowledgedWriter(settings, "crypto-kpi-consumer-writer")) as writer:
        partitions = Partitions(settings, writer)
        health.session_began(partitions)
        points = PointWriter(sink, stopping, _report(health))
        with closing(GroupMember(settings, settings.topic_market, partitions)) as member:
            consumer = Consumer(settings, member, partitions, points, writer, health)
            logger.info("consumer.started", group=settings.consumer_group)
            report_at_s = time.monotonic() + REPORT_EVERY_S
            while not stopping.is_set():
                if consumer.round():
                    worked.set()
                if time.monotonic() >= report_at_s:
                    report_at_s += REPORT_EVERY_S
                    logger.info("consumer.wrote", **consumer.counts)
            partitions.save(member)


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
