"""Topics as a broker makes them: copies, and what is told where there are too few brokers."""

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from include.broker.topics import ensure_topics, wanted
from include.errors import Misconfigured
from include.settings import Settings

TOPICS = ("topic_market", "topic_checkpoints", "topic_dead_letters", "topic_health")


@pytest.fixture
def unmade(settings):
    """Return settings whose topics nobody has made."""
    names = {name: f"{getattr(settings, name)}.unmade" for name in TOPICS}
    return settings.model_copy(update=names)


@pytest.fixture
def admin(settings):
    client = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    yield client
    client.close()


def test_makes_what_is_missing_once_with_the_configuration_it_wants(unmade, admin):
    assert ensure_topics(unmade) == list(wanted(unmade))
    assert ensure_topics(unmade) == []

    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted(unmade)]
    configs = admin.describe_configs(asked)["topic"]
    for topic in admin.describe_topics(list(wanted(unmade))):
        partitions, config = wanted(unmade)[topic["name"]]
        assert len(topic["partitions"]) == partitions
        assert {len(p["replica_nodes"]) for p in topic["partitions"]} == {1}
        found = {name: value["value"] for name, value in configs[topic["name"]].items()}
        assert config.items() <= found.items()


def test_more_copies_than_brokers_is_told_and_nothing_made(unmade, admin):
    three = unmade.model_copy(update={"kafka_replication_factor": 3})

    with pytest.raises(Misconfigured, match="REPLICATION_FACTOR: expected 3 brokers"):
        ensure_topics(three)

    assert not set(admin.list_topics()) & set(wanted(three))


def test_of_three_copies_two_are_enough_to_write():
    configs = [c for _, c in wanted(Settings(kafka_replication_factor=3)).values()]

    assert {config["min.insync.replicas"] for config in configs} == {"2"}
