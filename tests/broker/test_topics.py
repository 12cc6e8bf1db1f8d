"""Topics as a broker creates them: replicas, and the error if there are too few brokers."""

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from include.broker.topics import ensure_topics, get_topic_specs
from include.errors import Misconfigured
from include.settings import Settings

TOPICS = ("topic_market", "topic_checkpoints", "topic_dead_letters", "topic_health")


@pytest.fixture
def uncreated(settings):
    """Return settings whose topics do not exist."""
    names = {name: f"{getattr(settings, name)}.uncreated" for name in TOPICS}
    return settings.model_copy(update=names)


@pytest.fixture
def admin(settings):
    client = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    yield client
    client.close()


def test_creates_missing_topics_once_with_their_configuration(uncreated, admin):
    assert ensure_topics(uncreated) == list(get_topic_specs(uncreated))
    assert ensure_topics(uncreated) == []

    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name) for name in get_topic_specs(uncreated)
    ]
    configs = admin.describe_configs(resources)["topic"]
    for topic in admin.describe_topics(list(get_topic_specs(uncreated))):
        partitions, config = get_topic_specs(uncreated)[topic["name"]]
        assert len(topic["partitions"]) == partitions
        assert {len(p["replica_nodes"]) for p in topic["partitions"]} == {1}
        found = {name: value["value"] for name, value in configs[topic["name"]].items()}
        assert config.items() <= found.items()


def test_more_replicas_than_brokers_is_an_error_and_creates_nothing(uncreated, admin):
    three = uncreated.model_copy(update={"kafka_replication_factor": 3})

    with pytest.raises(Misconfigured, match="REPLICATION_FACTOR: expected 3 brokers"):
        ensure_topics(three)

    assert not set(admin.list_topics()) & set(get_topic_specs(three))


def test_two_of_three_replicas_are_enough_to_write():
    configs = [c for _, c in get_topic_specs(Settings(kafka_replication_factor=3)).values()]

    assert {config["min.insync.replicas"] for config in configs} == {"2"}
