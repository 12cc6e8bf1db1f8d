"""The Pipeline dashboard: rates, latency, lag, what was refused, tried again, lost."""

from include.dashboards.layout import dashboard
from include.dashboards.panels import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    colored,
    series,
    stat,
    states,
    table,
    thresholds,
)
from include.dashboards.queries import AIRFLOW, Json, flux, sql

UID = "pipeline"
STATES = {"success": GREEN, "running": BLUE, "queued": YELLOW, "failed": RED}
NARROW = {"custom.width": 95}
ANY_IS_RED = ((None, "text"), (1.0, RED))
LAG = ((None, GREEN), (1_000.0, YELLOW), (10_000.0, RED))
AGE = ((None, GREEN), (30.0, YELLOW), (120.0, RED))
DRAIN_AGE = ((None, GREEN), (150.0, YELLOW), (600.0, RED))  # it runs every minute


def pipeline() -> Json:
    """Return the dashboard."""
    return dashboard(
        UID,
        "Pipeline",
        "Whether the pipeline keeps up: rates, latency, lag, refusals, retries, losses.",
        [
            (4, _tiles()),
            (5, [_ready()]),
            (8, [_published(), _stored()]),
            (8, [_latency(), _market_lag()]),
            (8, [_kafka_lag(), _snapshots()]),
            (8, [_transactions(), _retries()]),
            (8, [_refusals(), _missing(), _incidents()]),
            (9, [_runs(), _run_seconds()]),
        ],
        since="now-1h",
        refresh="10s",
    )


def _tiles() -> list[Json]:
    return [
        stat(
            "Not read yet",
            "Kafka records that no consumer has read.",
            flux("pipeline.sum_last", fields=("kafka_lag_records",)),
            unit="suffix: records",
            steps=LAG,
        ),
        stat(
            "Oldest unwritten event",
            "Age of the oldest event that is read and not in InfluxDB.",
            flux("pipeline.sum_last", fields=("oldest_unwritten_seconds",)),
            unit="s",
            steps=AGE,
        ),
        stat(
            "Last drain",
            "Time since the drain last moved its offsets in PostgreSQL.",
            sql("pipeline.drain_age"),
            unit="s",
            steps=DRAIN_AGE,
        ),
        stat(
            "Markets behind",
            "Markets whose newest published event is more than 60 s old.",
            flux("pipeline.sum_last", fields=("markets_behind",)),
            unit="none",
            steps=((None, GREEN), (1.0, RED)),
        ),
        stat(
            "Partitions paused",
            "Partitions a consumer owns and does not read, because InfluxDB does not keep up.",
            flux("pipeline.sum_last", fields=("partitions_paused",)),
            unit="none",
            steps=((None, GREEN), (1.0, YELLOW)),
        ),
    ]


def _ready() -> Json:
    return states(
        "Ready",
        "What /healthz of each service says; silent: it does not run, or cannot tell.",
        flux("pipeline.ready"),
        mappings={"ready": GREEN, "not ready": RED, "silent": "#555555"},
    )


def _published() -> Json:
    return _health(
        "Published",
        "Events a second that the producer committed to Kafka, by type and market.",
        "published_per_s",
        unit="suffix: events/s",
        labels=("symbol", "type"),
    )


def _stored() -> Json:
    return _health(
        "Stored",
        "Points a second that the consumer stored in InfluxDB, by measurement.",
        "points_per_s",
        unit="suffix: points/s",
        labels=("measurement",),
    )


def _latency() -> Json:
    return _health(
        "Latency",
        "From an event's time at the exchange to stored in InfluxDB: half of the events, 95 %, "
        "99 % of the last minute were faster.",
        "store_latency_seconds_p50",
        "store_latency_seconds_p95",
        "store_latency_seconds_p99",
        unit="s",
    )


def _market_lag() -> Json:
    return _health(
        "Behind the exchange",
        "The exchange's clock minus the newest event published, by market.",
        "market_lag_seconds",
        unit="s",
        labels=("symbol",),
    )


def _kafka_lag() -> Json:
    return _health(
        "Lag",
        "Kafka records not yet read, by partition.",
        "kafka_lag_records",
        unit="suffix: records",
        labels=("partition",),
    )


def _snapshots() -> Json:
    return series(
        "Snapshots",
        "Snapshots stored a minute, by symbol; a minute without one is 0.",
        [flux("pipeline.snapshots")],
        unit="suffix: snapshots/min",
    )


def _transactions() -> Json:
    return _health(
        "Writing",
        "Time of a Kafka transaction (producer) and of a batch into InfluxDB (consumer), "
        "retries included: 95 % were faster.",
        "transaction_seconds_p95",
        "write_seconds_p95",
        unit="s",
    )


def _retries() -> Json:
    return _health(
        "Tried again",
        "Retries and reconnects since the start of each service, by what was away.",
        "retries_total",
        "reconnects_total",
        unit="none",
        labels=("service", "dependency"),
    )


def _refusals() -> Json:
    return _health(
        "Refused and parked",
        "Calls the exchange refused and records that could not be read, since the start of each "
        "service, by reason.",
        "refusals_total",
        "dead_letters_total",
        unit="none",
        labels=("service", "reason"),
    )


def _missing() -> Json:
    return _health(
        "Missing at the exchange",
        "Trades the exchange's history does not have, since the start of the producer, by market.",
        "gap_trades_total",
        unit="suffix: trades",
        labels=("symbol",),
    )


def _incidents() -> Json:
    return table(
        "On the way to PostgreSQL",
        "Dead letters (`make dead-letters` lists them), offset ranges that Kafka deleted before "
        "they were drained, and positions that the drain rejected.",
        sql("pipeline.incidents"),
        unit="none",
        columns={"kind": {"custom.width": 320}, "last_hour": {}, "last_day": {}, "ever": {}},
    )


def _runs() -> Json:
    state = {"custom.cellOptions": {"type": "color-text"}, "mappings": [colored(STATES)], **NARROW}
    return table(
        "DAGs",
        "How each DAG's newest run went, and those of the last 24 hours; Airflow has the logs.",
        sql("pipeline.dag_runs", source=AIRFLOW),
        unit="none",
        columns={
            "dag": {"custom.width": 180},
            "newest": state,
            "started": {"unit": "dateTimeFromNow", "custom.width": 150},
            "took": {"unit": "s", "decimals": 1, **NARROW},
            "succeeded": NARROW,
            "failed": {
                **NARROW,
                "custom.cellOptions": {"type": "color-text"},
                "thresholds": thresholds(ANY_IS_RED),
            },
        },
    )


def _run_seconds() -> Json:
    panel = series(
        "Duration of runs",
        "From start to end, by DAG; a run that failed is there too.",
        [sql("pipeline.dag_run_seconds", source=AIRFLOW, is_series=True)],
        unit="s",
    )
    panel["fieldConfig"]["defaults"]["custom"]["showPoints"] = "always"  # a single run is one
    return panel


def _health(
    title: str, description: str, *metrics: str, unit: str, labels: tuple[str, ...] = ()
) -> Json:
    """Return lines of metrics, named by their *labels*, or by the metric if there are none."""
    panel = series(title, description, [flux("pipeline.health", fields=metrics)], unit=unit)
    if labels:
        name = " ".join(f"${{__field.labels.{label}}}" for label in labels)
        panel["fieldConfig"]["defaults"]["displayName"] = name
    return panel
