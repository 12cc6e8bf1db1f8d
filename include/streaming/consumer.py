"""
The consumer: `crypto.market` folded into KPIs, KPIs into InfluxDB.

`python -m include.streaming.consumer`; ends on SIGTERM with 0, on a wrong setting or a refused
token with 2, never because Kafka or InfluxDB is away. Offsets are committed once InfluxDB has the
points: a crash reads and writes the rest again, to the same points.
"""

import sys
import threading
import time
from collections.abc import Sequence
from typing import Protocol

import structlog
import tenacity

from include import log, retry, wire
from include.broker.group_member import GroupMember
from include.broker.records import Outgoing, Record
from include.broker.writer import AcknowledgedWriter
from include.errors import BadRecord, Unavailable
from include.kpis.fold import Fold, PricePoint
from include.settings import Settings
from include.streaming import lines, service
from include.streaming.dead_letters import DeadLetter, outgoing
from include.streaming.influxdb import InfluxDB

MAX_RECORDS = 5_000
POLL_TIMEOUT_S = 0.5
REPORT_EVERY_S = 30.0
PATIENCE_S = 60.0  # of a batch with its sink; well below Kafka's max.poll.interval of 5 minutes

logger = structlog.get_logger()


class Sink(Protocol):
    """Where points go; writing the same points twice equals writing them once."""

    def write(self, lines: bytes) -> None: ...


class Parking(Protocol):
    """Where records go that nobody can read."""

    def write(self, records: Sequence[Outgoing]) -> None: ...


class Consumer:
    """
    One round after the other: poll, decode, fold, write, commit.

    Attributes:
        counts: Records read, points written, records parked since the start.
    """

    def __init__(
        self,
        settings: Settings,
        member: GroupMember,
        sink: Sink,
        parking: Parking,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._stopping = stopping
        self._member = member
        self._sink = sink
        self._parking = parking
        self._fold = Fold()
        self.counts = {"records": 0, "points": 0, "parked": 0}

    def round(self) -> int:
        """
        Move one batch through; return the records read.

        Raises:
            Unavailable: Kafka or InfluxDB is away; nothing was committed: start over with a new
                consumer, the batch is read again.
            Misconfigured: InfluxDB refuses us.
        """
        records = self._member.poll(MAX_RECORDS, POLL_TIMEOUT_S)
        if not records:
            return 0
        points, letters = self._folded(records)
        self._write(points, letters)
        if letters:
            self._parking.write(outgoing(self._settings, letters))
        self._member.commit({r.partition for r in records})
        self.counts["records"] += len(records)
        self.counts["points"] += len(points)
        self.counts["parked"] += len(letters)
        return len(records)

    def _folded(
        self, records: Sequence[Record]
    ) -> tuple[list[tuple[Record, PricePoint]], list[DeadLetter]]:
        points, letters = [], []
        for record in records:
            try:
                point = self._fold.update(wire.decode(record.value))
            except BadRecord as e:
                letters.append(DeadLetter(record, str(e)))
                continue
            if point is not None:
                points.append((record, point))
        return points, letters

    def _write(
        self, points: Sequence[tuple[Record, PricePoint]], letters: list[DeadLetter]
    ) -> None:
        """Write all points; of a batch InfluxDB refuses, find the lines that are to blame."""
        try:
            self._write_lines(lines.encode(point for _, point in points))
        except BadRecord as e:
            if len(points) == 1:
                letters.append(DeadLetter(points[0][0], str(e)))
                return
            middle = len(points) // 2
            self._write(points[:middle], letters)
            self._write(points[middle:], letters)

    def _write_lines(self, batch: bytes) -> None:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            wait=retry.wait_s,
            before_sleep=retry.report_with(_warn),
            sleep=tenacity.sleep_using_event(self._stopping),
            stop=tenacity.stop_any(
                tenacity.stop_after_delay(PATIENCE_S),
                tenacity.stop_when_event_set(self._stopping),
            ),
            reraise=True,
        ):
            with attempt:
                self._sink.write(batch)


def _warn(failure: Unavailable, wait_s: float) -> None:
    logger.warning("sink.unavailable", error=str(failure), retry_in_s=round(wait_s, 1))


def consume(settings: Settings, stopping: threading.Event) -> None:
    """
    Consume until *stopping* is set, through any absence of Kafka and InfluxDB.

    Raises:
        Misconfigured: InfluxDB refuses us, or a setting is wrong.
    """
    sink = InfluxDB(settings)
    try:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            wait=retry.wait_s,
            before_sleep=retry.report_with(_warn),
            sleep=tenacity.sleep_using_event(stopping),
            stop=tenacity.stop_when_event_set(stopping),
            reraise=True,
        ):
            with attempt:
                _consume_from_committed(settings, sink, stopping)
    except Unavailable:
        if not stopping.is_set():
            raise
    finally:
        sink.close()


def _consume_from_committed(settings: Settings, sink: Sink, stopping: threading.Event) -> None:
    member = GroupMember(settings, settings.topic_market)
    parking = AcknowledgedWriter(settings, "crypto-kpi-consumer-parking")
    try:
        consumer = Consumer(settings, member, sink, parking, stopping)
        logger.info("consumer.started", group=settings.consumer_group)
        report_at_s = time.monotonic() + REPORT_EVERY_S
        while not stopping.is_set():
            consumer.round()
            if time.monotonic() >= report_at_s:
                report_at_s += REPORT_EVERY_S
                logger.info("consumer.wrote", **consumer.counts)
    finally:
        parking.close()
        member.close()


def main() -> int:
    log.configure("consumer")
    return service.run_until_stopped(lambda stopping: consume(Settings.load(), stopping))


if __name__ == "__main__":
    sys.exit(main())
