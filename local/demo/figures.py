"""The figures of a running line, gathered from its own stores."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from include.errors import Unavailable
from local.demo.airflow_figures import AirflowFigures
from local.demo.influx_figures import InfluxFigures, Latest
from local.demo.kafka_figures import KafkaFigures
from local.demo.postgres_figures import PostgresFigures, Rows

DRAIN = "drain_kafka"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    What a line held at one moment.

    Attributes:
        latest: The last point of each `exchange:symbol`.
        points: Points of `crypto_prices` in InfluxDB, all symbols.
        rows: Rows in PostgreSQL by table.
        records: Records in `crypto.market`, markers included.
        consumer_lag: Offsets InfluxDB has still to see.
        drain_lag: Offsets PostgreSQL has still to see.
        drain_runs: Scheduled runs of drain_kafka by state.
        away: What did not answer, and how.
    """

    at_s: float
    latest: dict[str, Latest] = field(default_factory=dict)
    points: int = 0
    rows: Rows = field(default_factory=Rows)
    records: int = 0
    consumer_lag: int = 0
    drain_lag: int = 0
    drain_runs: dict[str, int] = field(default_factory=dict)
    away: tuple[str, ...] = ()

    def age_s(self, market: str) -> float | None:
        """Return how old the last point of *market* is; None if it has none."""
        latest = self.latest.get(market)
        return (datetime.now(UTC) - latest.time).total_seconds() if latest else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The four places a line keeps its figures in."""

    influxdb: InfluxFigures
    postgres: PostgresFigures
    kafka: KafkaFigures
    airflow: AirflowFigures | None

    def snapshot(self) -> Snapshot:
        """Ask all four; what is away is named, the rest is there all the same."""
        found: dict[str, object] = {}
        away: list[str] = []
        for ask in (self._influxdb, self._postgres_and_kafka, self._airflow):
            try:
                found |= ask()
            except Unavailable as e:
                away.append(str(e))
        return Snapshot(at_s=time.monotonic(), away=tuple(away), **found)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close all connections."""
        self.influxdb.close()
        self.postgres.close()
        self.kafka.close()

    def _influxdb(self) -> dict[str, object]:
        return {
            "latest": self.influxdb.latest(),
            "points": sum(self.influxdb.points().values()),
        }

    def _postgres_and_kafka(self) -> dict[str, object]:
        offsets = self.kafka.offsets()
        return {
            "rows": self.postgres.rows(),
            "records": offsets.records,
            "consumer_lag": offsets.consumer_lag,
            "drain_lag": offsets.lag_of(self.postgres.next_offsets()),
        }

    def _airflow(self) -> dict[str, object]:
        if self.airflow is None:
            return {}
        return {"drain_runs": self.airflow.scheduled_runs(DRAIN)}
