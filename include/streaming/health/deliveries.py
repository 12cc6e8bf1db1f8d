"""Where snapshots go: a producer's to `crypto.health`, all of them to `pipeline_health`."""

from collections.abc import Iterable, Sequence

from include.broker.records import Outgoing
from include.broker.writer import AcknowledgedWriter
from include.errors import BadRecord, PipelineError
from include.influxdb.writer import InfluxDB
from include.settings import Settings
from include.streaming.health.health import Health
from include.streaming.health.snapshots import Snapshot, as_lines, encode

KAFKA, INFLUXDB = "kafka", "influxdb"
WRITE_TIMEOUT_S = 10.0


class ToKafka:
    """Write snapshots to `topic_health`, over a connection of its own; tells how Kafka is."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._writer: AcknowledgedWriter | None = None

    def deliver(self, snapshots: Sequence[Snapshot]) -> None:
        """
        Return once Kafka has them.

        Raises:
            PipelineError: It did not take them: bring them again.
        """
        try:
            self.write(self._outgoing(snapshot) for snapshot in snapshots)
        except PipelineError as e:
            self._health.conditions.failed(KAFKA, str(e))
            raise
        self._health.conditions.met(KAFKA)

    def write(self, records: Iterable[Outgoing]) -> None:
        """
        Write *records*, wherever they go.

        Raises:
            Unavailable: Kafka did not take them; they may arrive yet.
        """
        try:
            if self._writer is None:
                client_id = f"crypto-kpi-{self._health.service}-health"
                self._writer = AcknowledgedWriter(self._settings, client_id)
            self._writer.write(list(records), WRITE_TIMEOUT_S)
        except PipelineError:
            self.close()  # with what it has not sent: it would pile up
            raise

    def close(self) -> None:
        """Leave."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _outgoing(self, snapshot: Snapshot) -> Outgoing:
        key = f"{snapshot.service}/{snapshot.instance}".encode()
        return Outgoing(self._settings.topic_health, key, encode(snapshot), "health")


class ToInfluxDB:
    """Write snapshots as points, over a connection of its own; tells how InfluxDB is."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._health = health
        self._sink = InfluxDB(settings)

    def deliver(self, snapshots: Sequence[Snapshot]) -> None:
        """
        Return once InfluxDB has them.

        Raises:
            BadRecord: It refuses some of the points.
            PipelineError: It is away, or refuses us: bring them again.
        """
        try:
            self._sink.write(b"\n".join(map(as_lines, snapshots)))
        except BadRecord:
            self._health.conditions.met(INFLUXDB)
            raise
        except PipelineError as e:
            self._health.conditions.failed(INFLUXDB, str(e))
            raise
        self._health.conditions.met(INFLUXDB)

    def close(self) -> None:
        """Leave."""
        self._sink.close()
