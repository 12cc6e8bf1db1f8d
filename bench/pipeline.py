"""The live half's surroundings on a benchmark's own servers: topics, a bucket, a token, empty."""

import uuid

from include.broker.topics import ensure_topics
from include.settings import Settings
from local.credentials import write_private
from local.environment import ORGANIZATION
from local.line import Line
from local.ports import LOOPBACK
from local.provision.influxdb import InfluxAdmin


def new_pipeline(line: Line, admin: InfluxAdmin, topic_market: str | None = None) -> Settings:
    """Return settings of a consumer that nothing was written by; its topic may be another's."""
    name = f"bench{uuid.uuid4().hex[:8]}"
    settings = Settings(
        kafka_bootstrap=f"{LOOPBACK}:{line.ports.kafka}",
        topic_market=topic_market or f"{name}.market",
        topic_checkpoints=f"{name}.checkpoints",
        topic_dead_letters=f"{name}.dead-letters",
        topic_health=f"{name}.health",
        consumer_group=name,
        producer_health_port=0,
        consumer_health_port=0,
        influx_url=f"http://{LOOPBACK}:{line.ports.influxdb}",
        influx_org=ORGANIZATION,
        influx_bucket=name,
        influx_token_file=line.layout.secret(f"{name}_token"),
    )
    bucket = admin.create_bucket(name)
    write_private(settings.influx_token_file, admin.create_token(bucket, ["write"], name))
    ensure_topics(settings)
    return settings
