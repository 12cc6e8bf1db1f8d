"""Kafka: whether it answers, and has our topics as they were meant."""

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from include.broker.connection import client_options, translate_errors
from include.broker.topics import get_topic_specs
from include.errors import Misconfigured
from include.settings import Settings

POLICY = "cleanup.policy"
DELETE = "delete"  # Kafka's default, which it does not tell of


def topics(settings: Settings) -> str:
    """
    Compare the topics with what `include.broker.topics` makes.

    Raises:
        Unavailable: Kafka is away.
        Misconfigured: One is missing, or has other partitions or another cleanup.policy.
    """
    names = get_topic_specs(settings)
    partitions, policies = _found(settings, set(names))
    wrong = [
        f"topic {name}: expected {expected}, found {partitions.get(name, 0)} partitions, "
        f"{POLICY} {policies.get(name, 'none')}"
        for name, (count, config) in names.items()
        if (expected := f"{count} partitions, {POLICY} {config.get(POLICY, DELETE)}")
        != f"{partitions.get(name, 0)} partitions, {POLICY} {policies.get(name, 'none')}"
    ]
    if wrong:
        raise Misconfigured(
            f"{'; '.join(wrong)}: python -m include.broker.topics makes what is missing, "
            "kafka-topics.sh and kafka-configs.sh change what is there"
        )
    return f"{len(names)} topics at {settings.kafka_bootstrap}"


def _found(settings: Settings, names: set[str]) -> tuple[dict[str, int], dict[str, str]]:
    with translate_errors(settings, "looking at the topics"):
        admin = KafkaAdminClient(**client_options(settings))
        try:
            there = set(admin.list_topics()) & names
            described = admin.describe_topics(sorted(there)) if there else []
            policies = _policies(admin, there)
        finally:
            admin.close()
    return {topic["name"]: len(topic["partitions"]) for topic in described}, policies


def _policies(admin: KafkaAdminClient, topics: set[str]) -> dict[str, str]:
    if not topics:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(topics)]
    configs = admin.describe_configs(asked)["topic"]
    return {name: configs.get(name, {}).get(POLICY, {}).get("value", DELETE) for name in topics}
