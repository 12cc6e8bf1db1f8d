"""The checks of each server: connection, credentials, and what this version expects there."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPException
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from include.broker.connection import client_options, translate_errors
from include.broker.topics import get_topic_specs
from include.doctor.check import Check
from include.errors import Misconfigured, Unavailable
from include.exchange.registry import open_exchange
from include.influxdb.reader import Reader
from include.influxdb.retention import DAY_S, get_retention_s
from include.influxdb.writer import InfluxDB
from include.settings import PREFIX, Settings
from include.warehouse.connection import connect, postgres_errors, target
from include.warehouse.migrations import list_pending
from include.warehouse.statements import statement

STARTED = "is it started (`make status`, its log)"
KAFKA_AWAY = f"{STARTED}, is PIPELINE_KAFKA_BOOTSTRAP its address?"
INFLUXDB_AWAY = f"{STARTED}, is PIPELINE_INFLUX_URL its address?"
POSTGRES_AWAY = f"{STARTED}, are PIPELINE_POSTGRES_HOST and PIPELINE_POSTGRES_PORT its address?"
EXCHANGE_AWAY = "does this machine reach it, is PIPELINE_EXCHANGE_URL its address, where set?"

POLICY = "cleanup.policy"
DEFAULT_POLICY = "delete"  # Kafka's default, which a topic's configuration omits
RECENTLY = timedelta(minutes=1)
NO_POINT = b"# include.doctor"  # a comment: needs the right to write, writes nothing
MAX_SKEW_S = 2.0  # beyond it, the check times_sane reports snapshots from the future
TIMEOUT_S = 5.0
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def list_checks(settings: Settings) -> list[Check]:
    """Return all checks, in the order of the report."""
    exchanges = sorted({market.exchange for market in settings.markets})
    ports = {"producer": settings.producer_health_port, "consumer": settings.consumer_health_port}
    return [
        Check("Kafka", partial(check_topics, settings), KAFKA_AWAY),
        Check("InfluxDB, writer", partial(check_influxdb_writer, settings), INFLUXDB_AWAY),
        Check("InfluxDB, reader", partial(check_influxdb_reader, settings), INFLUXDB_AWAY),
        Check("InfluxDB, keeper", partial(check_influxdb_keeper, settings), INFLUXDB_AWAY),
        Check("PostgreSQL, writer", partial(check_postgres_writer, settings), POSTGRES_AWAY),
        Check("PostgreSQL, reader", partial(check_postgres_reader, settings), POSTGRES_AWAY),
        *(
            Check(f"exchange {name}", partial(check_clock, settings, name), EXCHANGE_AWAY)
            for name in exchanges
        ),
        *(
            Check(name, partial(check_service, settings, name, port))
            for name, port in ports.items()
            if port
        ),
    ]


def check_topics(settings: Settings) -> str:
    """
    Compare Kafka's topics with those that `include.broker.topics` creates.

    Raises:
        Unavailable: Kafka is unreachable.
        Misconfigured: A topic is missing, or has other partitions or another cleanup.policy.
    """
    names = get_topic_specs(settings)
    partitions, policies = _describe_topics(settings, set(names))
    wrong = [
        f"topic {name}: expected {expected}, found {partitions.get(name, 0)} partitions, "
        f"{POLICY} {policies.get(name, 'none')}"
        for name, (count, config) in names.items()
        if (expected := f"{count} partitions, {POLICY} {config.get(POLICY, DEFAULT_POLICY)}")
        != f"{partitions.get(name, 0)} partitions, {POLICY} {policies.get(name, 'none')}"
    ]
    if wrong:
        raise Misconfigured(
            f"{'; '.join(wrong)}: python -m include.broker.topics creates missing topics, "
            "kafka-topics.sh and kafka-configs.sh change existing ones"
        )
    return f"{len(names)} topics at {settings.kafka_bootstrap}"


def check_influxdb_writer(settings: Settings) -> str:
    """
    Check that the writer's token may write to the bucket.

    Raises:
        Unavailable: InfluxDB is unreachable.
        Misconfigured: The token may not write, or there is no such bucket.
    """
    influxdb = InfluxDB(settings)
    try:
        influxdb.write(NO_POINT)
    finally:
        influxdb.close()
    return f"writes to {settings.influx_bucket} at {settings.influx_url}"


def check_influxdb_reader(settings: Settings) -> str:
    """
    Check that the reader's token may read the bucket.

    Raises:
        Unavailable: InfluxDB is unreachable.
        Misconfigured: The token may not read, or there is no such bucket.
    """
    reader = Reader(settings)
    try:
        reader.rows("live.markets", {"start": datetime.now(UTC) - RECENTLY})
    finally:
        reader.close()
    return f"reads {settings.influx_bucket}"


def check_influxdb_keeper(settings: Settings) -> str:
    """
    Check that the token for retention may read the bucket's retention.

    Raises:
        Unavailable: InfluxDB is unreachable.
        Misconfigured: The token may not, or there is no such bucket.
    """
    days = get_retention_s(settings) // DAY_S
    return f"the bucket keeps points {f'{days} days' if days else 'for ever'}"


def check_postgres_writer(settings: Settings) -> str:
    """
    Check as the writer that all migrations are applied.

    Raises:
        Unavailable: PostgreSQL is unreachable.
        Misconfigured: Migrations are pending, or the role is rejected.
    """
    if names := list_pending(settings):
        raise Misconfigured(
            f"PostgreSQL as {target(settings)}: migrations not applied: {', '.join(names)}: run "
            "`python -m include.warehouse.migrations` as the owner"
        )
    return f"{target(settings)}, all migrations applied"


def check_postgres_reader(settings: Settings) -> str:
    """
    Check that the reader may read the views.

    Raises:
        Unavailable: PostgreSQL is unreachable.
        Misconfigured: The role is rejected, or lacks the right.
    """
    reader = settings.as_reader()
    with (
        connect(reader, application="doctor") as connection,
        postgres_errors(target(reader), "reading"),
    ):
        connection.execute(statement("doctor.read"))
    return target(reader)


def check_clock(settings: Settings, name: str) -> str:
    """
    Compare this machine's clock with that of exchange *name*, to half the round trip.

    Raises:
        Unavailable: The exchange cannot be reached.
        Misconfigured: The clocks differ by more than MAX_SKEW_S, or there is no such exchange.
    """
    began_s = time.time()
    exchange_s = asyncio.run(_exchange_now_ms(settings, name)) / 1000
    ended_s = time.time()
    half_s = (ended_s - began_s) / 2
    skew_s = (began_s + ended_s) / 2 - exchange_s
    found = f"this machine's clock is {abs(skew_s):.1f} s {'ahead' if skew_s > 0 else 'behind'}"
    if abs(skew_s) - half_s > MAX_SKEW_S:
        raise Misconfigured(
            f"{name}: {found}; expected at most {MAX_SKEW_S:g} s: synchronize it by NTP "
            "(`timedatectl set-ntp true`)"
        )
    return f"{settings.exchange_url or name}: {found} (+- {half_s:.1f} s)"


def check_service(settings: Settings, service: str, port: int) -> str:
    """
    Check that a service reports that it is ready.

    Args:
        settings: `health_host`.
        service: Its name, "producer" or "consumer".
        port: Of its health endpoint.

    Raises:
        Unavailable: The service is not ready, or does not respond.
        Misconfigured: Another program listens on the port.
    """
    url = f"http://{settings.health_host}:{port}/healthz"
    try:
        health = _request_health(url)
    except OSError as e:
        raise Unavailable(f"{url}: no answer: is it started? (`make status`, its log)") from e
    if health.get("service") != service:
        raise Misconfigured(
            f"{url}: expected the {service}'s health, found another program: end it, or set "
            f"{PREFIX}{service.upper()}_HEALTH_PORT to a free port"
        )
    if reason := health.get("reason"):
        raise Unavailable(f"{url}: not ready: {str(reason)[:300]}")
    return f"ready at {url}"


def _describe_topics(settings: Settings, names: set[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Return the partitions and the cleanup.policy of those topics that exist."""
    with translate_errors(settings, "describing the topics"):
        admin = KafkaAdminClient(**client_options(settings))
        try:
            existing = set(admin.list_topics()) & names
            described = admin.describe_topics(sorted(existing)) if existing else []
            policies = _describe_policies(admin, existing)
        finally:
            admin.close()
    return {topic["name"]: len(topic["partitions"]) for topic in described}, policies


def _describe_policies(admin: KafkaAdminClient, topics: set[str]) -> dict[str, str]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(topics)]
    configs = admin.describe_configs(resources)["topic"]
    return {
        name: configs.get(name, {}).get(POLICY, {}).get("value", DEFAULT_POLICY) for name in topics
    }


async def _exchange_now_ms(settings: Settings, name: str) -> int:
    exchange = open_exchange(name, settings)
    try:
        async with asyncio.timeout(settings.exchange_timeout_s):
            return await exchange.now_ms()
    except TimeoutError:
        raise Unavailable(f"{name}: no answer within {settings.exchange_timeout_s:g} s") from None
    finally:
        await exchange.close()


def _request_health(url: str) -> dict[str, Any]:
    """Return the JSON of a health endpoint, ready or not; empty if it is no JSON object."""
    try:
        with NO_PROXY.open(url, timeout=TIMEOUT_S) as answer:
            body = answer.read()
    except urllib.error.HTTPError as e:
        body = e.read()
    except HTTPException:
        return {}
    try:
        health = json.loads(body)
    except ValueError:
        return {}
    return health if isinstance(health, dict) else {}
