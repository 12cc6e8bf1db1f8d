"""Create the topics with their configuration: `python -m include.broker.topics`, once at set-up."""

import sys

import structlog
from kafka import KafkaAdminClient
from kafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError

from include import log
from include.broker.connection import client_options, translate_errors
from include.broker.records import MAX_RECORD_BYTES
from include.errors import Misconfigured
from include.runtime import run_command
from include.settings import Settings

DAY_MS = 86_400_000
logger = structlog.get_logger()


def get_topic_specs(settings: Settings) -> dict[str, tuple[int, dict[str, str]]]:
    """Return `(partitions, configuration)` of each topic, by name."""
    # A write succeeds when all replicas but one have it. One broker may fail without data loss,
    # and writes continue.
    safe = {"min.insync.replicas": str(max(1, settings.kafka_replication_factor - 1))}
    week = {"retention.ms": str(7 * DAY_MS)}
    compacted = {
        "cleanup.policy": "compact",
        "segment.ms": str(DAY_MS // 24),
        # Small segments are compacted soon. Each start reads the topic from its beginning.
        "segment.bytes": str(2 * MAX_RECORD_BYTES),
        "min.cleanable.dirty.ratio": "0.1",
        "max.message.bytes": str(MAX_RECORD_BYTES),
    }
    return {
        settings.topic_market: (settings.market_partitions, week | safe),
        settings.topic_checkpoints: (1, compacted | safe),
        settings.topic_dead_letters: (1, {"retention.ms": str(30 * DAY_MS)} | safe),
        settings.topic_health: (1, {"retention.ms": str(DAY_MS)} | safe),
    }


def ensure_topics(settings: Settings) -> list[str]:
    """
    Create the missing topics. Existing ones are left unchanged.

    Returns:
        The names of the created topics.

    Raises:
        Unavailable: Kafka is unreachable.
        Misconfigured: There are fewer brokers than `kafka_replication_factor`.
    """
    created = []
    replicas = settings.kafka_replication_factor
    with translate_errors(settings, "creating topics"):
        admin = KafkaAdminClient(**client_options(settings))
        try:
            existing = set(admin.list_topics())
            for name, (partitions, config) in get_topic_specs(settings).items():
                if name in existing:
                    continue
                spec = {
                    "num_partitions": partitions,
                    "replication_factor": replicas,
                    "configs": config,
                }
                try:
                    admin.create_topics({name: spec}, wait_for_metadata=True)
                except TopicAlreadyExistsError:  # another process created it meanwhile
                    continue
                except InvalidReplicationFactorError as e:
                    raise Misconfigured(
                        f"PIPELINE_KAFKA_REPLICATION_FACTOR: expected {replicas} brokers at "
                        f"{settings.kafka_bootstrap}, found fewer: lower it, or start the others"
                    ) from e
                created.append(name)
        finally:
            admin.close()
    return created


def main() -> int:
    log.configure("topics")
    return run_command(
        "topics", lambda: logger.info("topics.ready", created=ensure_topics(Settings.load()))
    )


if __name__ == "__main__":
    sys.exit(main())
