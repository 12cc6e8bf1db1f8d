"""`crypto.health` into `pipeline_health`: what the producers say about themselves."""

from collections.abc import Sequence

import structlog

from include.broker.log_reader import LogReader
from include.broker.records import Record
from include.errors import BadRecord, PipelineError
from include.settings import Settings
from include.streaming.dead_letters import DeadLetter, encode
from include.streaming.health.definitions import DEAD_LETTERS
from include.streaming.health.deliveries import ToInfluxDB, ToKafka
from include.streaming.health.health import Health
from include.streaming.health.snapshots import Snapshot, decode

MOST_RECORDS = 500
POLL_TIMEOUT_S = 0.2

logger = structlog.get_logger()


class Relay:
    """
    Reads on from the offset its group committed, and commits once InfluxDB has the points.

    Each consumer of a group runs one: they write the same points, so that any of them may die.
    """

    def __init__(
        self, settings: Settings, health: Health, influxdb: ToInfluxDB, kafka: ToKafka
    ) -> None:
        self._settings = settings
        self._health = health
        self._influxdb = influxdb
        self._kafka = kafka
        self._reader: LogReader | None = None

    def turn(self) -> None:
        """Move all that is there; on a failure start over at the next turn."""
        try:
            reader = self._reader = self._reader or self._opened()
            while records := reader.poll(MOST_RECORDS, POLL_TIMEOUT_S):
                self._write(records)
                reader.commit()
        except PipelineError as e:
            logger.warning("health.relay_waits", error=str(e))
            self._start_over()

    def close(self) -> None:
        """Leave."""
        self._start_over()
        self._influxdb.close()
        self._kafka.close()

    def _start_over(self) -> None:
        """Forget the place; what is not committed is read again."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _opened(self) -> LogReader:
        topic = self._settings.topic_health
        reader = LogReader(self._settings, topic, group=f"{self._settings.consumer_group}-health")
        try:
            beginnings, ends, committed = reader.beginnings(), reader.ends(), reader.committed()
            start = {}
            for partition, beginning in beginnings.items():
                offset = committed.get(partition, beginning)
                start[partition] = offset
                if not beginning <= offset <= ends[partition]:
                    start[partition] = beginning
                    lost = {"partition": partition, "expected": offset, "found": beginning}
                    logger.error("health.outside_topic", doing="going on where it begins", **lost)
            reader.seek(start)
        except PipelineError:
            reader.close()
            raise
        return reader

    def _write(self, records: Sequence[Record]) -> None:
        letters: list[DeadLetter] = []
        good: list[tuple[Record, Snapshot]] = []
        for record in records:
            try:
                good.append((record, decode(record.value)))
            except BadRecord as e:
                letters.append(DeadLetter(record, str(e)))
        try:
            self._influxdb.deliver([snapshot for _, snapshot in good])
        except BadRecord:
            letters += self._refused(good)
        if letters:
            self._kafka.write(encode(self._settings, letters))
            self._health.metrics.add(DEAD_LETTERS, "health", by=len(letters))

    def _refused(self, good: Sequence[tuple[Record, Snapshot]]) -> list[DeadLetter]:
        letters = []
        for record, snapshot in good:
            try:
                self._influxdb.deliver([snapshot])
            except BadRecord as e:
                letters.append(DeadLetter(record, str(e)))
        return letters
