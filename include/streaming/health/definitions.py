"""Every metric of the services: the one list that code, /metrics and the README follow."""

from enum import StrEnum
from typing import NamedTuple

PREFIX = "pipeline_"


class Kind(StrEnum):
    """How a metric moves, in Prometheus' terms."""

    COUNTER = "counter"  # only up, from 0 at the start of the process
    GAUGE = "gauge"
    SUMMARY = "summary"  # p50, p95, p99 of the last minute; count and sum since the start


class Metric(NamedTuple):
    """
    One metric.

    Attributes:
        name: In /metrics with PREFIX before it, in `pipeline_health` without.
        services: Whose it is.
        labels: In `pipeline_health` they are tags.
    """

    name: str
    kind: Kind
    unit: str
    services: tuple[str, ...]
    help: str
    labels: tuple[str, ...] = ()


PRODUCER, CONSUMER = "producer", "consumer"
BOTH = (PRODUCER, CONSUMER)
MARKET = ("exchange", "symbol")

READY = Metric("ready", Kind.GAUGE, "0 or 1", BOTH, "Whether /healthz says ready")
CONDITION = Metric(
    "condition_met", Kind.GAUGE, "0 or 1", BOTH, "What ready is made of", ("condition",)
)
RETRIES = Metric(
    "retries_total", Kind.COUNTER, "1", BOTH, "Times it was tried again", ("dependency",)
)
HEALTH_DROPPED = Metric(
    "health_dropped_total", Kind.COUNTER, "snapshots", BOTH,
    "Of its own health, given up because they could not be delivered for too long",
)  # fmt: skip

PUBLISHED = Metric(
    "published_total", Kind.COUNTER, "events", (PRODUCER,),
    "Committed to Kafka; each trade counts", (*MARKET, "type"),
)  # fmt: skip
MARKET_LAG = Metric(
    "market_lag_seconds", Kind.GAUGE, "s", (PRODUCER,),
    "The exchange's clock minus the newest event published", MARKET,
)  # fmt: skip
MARKETS_BEHIND = Metric(
    "markets_behind", Kind.GAUGE, "markets", (PRODUCER,), "With a lag of more than 60 s"
)
REFUSALS = Metric(
    "refusals_total", Kind.COUNTER, "calls", (PRODUCER,),
    "Of the exchange: rate_limited, unavailable, misconfigured", ("exchange", "reason"),
)  # fmt: skip
RECONNECTS = Metric(
    "reconnects_total", Kind.COUNTER, "1", (PRODUCER,),
    "Connections made again after a loss", ("dependency",),
)  # fmt: skip
GAP_TRADES = Metric(
    "gap_trades_total", Kind.COUNTER, "trades", (PRODUCER,),
    "That the exchange's history does not have", MARKET,
)  # fmt: skip
STREAM_DROPPED = Metric(
    "stream_dropped_trades_total", Kind.COUNTER, "trades", (PRODUCER,),
    "Of the stream, given up because they were not published in time; history has them", MARKET,
)  # fmt: skip
TRANSACTION = Metric(
    "transaction_seconds", Kind.SUMMARY, "s", (PRODUCER,), "From begin to committed"
)
BATCHES_WAITING = Metric(
    "batches_waiting", Kind.GAUGE, "batches", (PRODUCER,), "Not yet in a transaction"
)

RECORDS = Metric(
    "records_total", Kind.COUNTER, "records", (CONSUMER,), "Read from crypto.market", ("type",)
)
POINTS = Metric(
    "points_total", Kind.COUNTER, "points", (CONSUMER,), "Stored in InfluxDB", ("measurement",)
)
STORE_LATENCY = Metric(
    "store_latency_seconds", Kind.SUMMARY, "s", (CONSUMER,),
    "From a snapshot's or trade's time (the exchange's clock) to stored (ours), sampled",
)  # fmt: skip
WRITE = Metric(
    "write_seconds", Kind.SUMMARY, "s", (CONSUMER,), "One batch into InfluxDB, retries included"
)
OLDEST_UNWRITTEN = Metric(
    "oldest_unwritten_seconds", Kind.GAUGE, "s", (CONSUMER,),
    "Age of the oldest event that is read and not stored; 0: none",
)  # fmt: skip
KAFKA_LAG = Metric(
    "kafka_lag_records", Kind.GAUGE, "offsets", (CONSUMER,),
    "From where it reads to the end of its partition", ("partition",),
)  # fmt: skip
DEAD_LETTERS = Metric(
    "dead_letters_total", Kind.COUNTER, "records", (CONSUMER,),
    "Parked: unreadable, refused (by InfluxDB), or health that is neither", ("reason",),
)  # fmt: skip
LATE_TRADES = Metric(
    "late_trades", Kind.GAUGE, "trades", (CONSUMER,),
    "Left out of their second, which had closed; of the markets it owns, ever",
)  # fmt: skip
REPEATED = Metric(
    "repeated_events", Kind.GAUGE, "events", (CONSUMER,),
    "Trades, candles, snapshots that had come before; since it owns their partitions",
)  # fmt: skip
REBALANCES = Metric(
    "rebalances_total", Kind.COUNTER, "1", (CONSUMER,), "Times partitions came or went"
)
PARTITIONS_OWNED = Metric(
    "partitions_owned", Kind.GAUGE, "partitions", (CONSUMER,), "Folded by this consumer"
)
PARTITIONS_PAUSED = Metric(
    "partitions_paused", Kind.GAUGE, "partitions", (CONSUMER,), "Its own, but not read now"
)

METRICS: tuple[Metric, ...] = (
    READY, CONDITION, RETRIES, HEALTH_DROPPED,
    PUBLISHED, MARKET_LAG, MARKETS_BEHIND, REFUSALS, RECONNECTS, GAP_TRADES,
    STREAM_DROPPED, TRANSACTION, BATCHES_WAITING,
    RECORDS, POINTS, STORE_LATENCY, WRITE, OLDEST_UNWRITTEN, KAFKA_LAG, DEAD_LETTERS, LATE_TRADES,
    REPEATED, REBALANCES, PARTITIONS_OWNED, PARTITIONS_PAUSED,
)  # fmt: skip
