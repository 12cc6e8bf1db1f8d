"""Topics that are not what they were."""

from kafka import KafkaAdminClient

from include.broker.topics import ensure_topics
from include.settings import Settings


def remake_market_topic(settings: Settings) -> None:
    """Delete `crypto.market` and make it again: empty, of the same name, another topic."""
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    admin.delete_topics([settings.topic_market])
    admin.close()
    ensure_topics(settings)
