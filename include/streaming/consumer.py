"""
The consumer: `crypto.market` folded into KPIs, KPIs into InfluxDB.

`python -m include.streaming.consumer`; ends on SIGTERM with 0, on a wrong setting or a refused
token with 2, never because Kafka or InfluxDB is away: /healthz says so then. What a crash leaves
unsaved is read, folded and written again, to the same points: see `include.streaming.partitions`.
"""

import sys
import threading
import time
from contextlib import closing

import structlog
import tenacity

from include import log, retry
from include.broker.group_member import GroupMember
from include.broker.writer import AcknowledgedWriter
from include.errors import Unavailable
from include.garbage import collected_seldom
from include.influxdb.writer import InfluxDB
from include.settings import Settings
from include.streaming import service
from include.streaming.consumer_loop import Consumer
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.health.services import consumer_health
from include.streaming.partitions import Partitions
from include.streaming.point_writer import PointWriter, Sink
from include.streaming.write_behind import WriteBehind

REPORT_EVERY_S = 30.0

logger = structlog.get_logger()


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
    member.leave()


def _report(health: ConsumerHealth) -> retry.Report:
    def report(failure: Unavailable, wait_s: float) -> None:
        health.failed(failure)
        event = f"{failure.dependency or 'something'}.unavailable"
        logger.warning(event, error=str(failure), retry_in_s=round(wait_s, 1))

    return report


def main() -> int:
    log.configure("consumer")
    with collected_seldom():
        return service.run_until_stopped(lambda stopping: consume(Settings.load(), stopping))


if __name__ == "__main__":
    sys.exit(main())
