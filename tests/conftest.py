"""Real servers for all tests, started when the first one asks; a world of its own for each test."""

import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from include.broker.topics import ensure_topics, get_topic_specs
from include.settings import PREFIX, Settings
from include.warehouse.connection import Connection, connect
from local.credentials import write_private
from local.environment import ORGANIZATION, SIMULATED
from local.free_ports import FreePorts
from local.install import Toolchain, install
from local.layout import REPOSITORY
from local.line import Line
from local.ports import LOOPBACK
from local.provision.influxdb import InfluxAdmin
from local.provision.postgres import (
    MARKET,
    MARKET_OWNER,
    MARKET_WRITER,
    create_market_database,
    drop_database,
    superuser,
)
from local.services import SERVERS

pytest_plugins = ("tests.chaos.plugin",)

# Tests see the defaults, whatever the shell they were started from was told.
for variable in [name for name in os.environ if name.startswith(PREFIX)]:
    del os.environ[variable]

# A job in a shell's background ignores Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


DOCKER = Path(__file__).parent / "docker"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--docker", action="store_true", help="run tests/docker on a Docker engine")


def pytest_report_header(config: pytest.Config) -> str | None:
    return None if config.getoption("docker") else "left out: tests/docker (make test-docker)"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what needs a Docker engine, unless it is asked for."""
    is_docker_s = collection_path.is_relative_to(DOCKER)
    return True if is_docker_s and not config.getoption("docker") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs servers, so that `-m "not servers"` leaves it out."""
    for item in items:
        if {"servers", "toolchain"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """Where the servers' programs are, installed if they were not."""
    return install()


@pytest.fixture(scope="session")
def free_ports() -> Iterator[FreePorts]:
    """Ports for whatever a test starts."""
    ports = FreePorts()
    yield ports
    ports.close()


@pytest.fixture(scope="session")
def servers(
    toolchain: Toolchain, free_ports: FreePorts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Line]:
    """Kafka, PostgreSQL and InfluxDB, of this session alone; they end with it however it ends."""
    line = Line(tmp_path_factory.mktemp("servers"), free_ports.ports(), SIMULATED, toolchain)
    try:
        line.start(SERVERS, detached=False)
        yield line
    finally:
        line.stop()
        shutil.rmtree(line.layout.root / "data", ignore_errors=True)  # the logs stay


@pytest.fixture(scope="session")
def influx_admin(servers: Line) -> InfluxAdmin:
    """InfluxDB's administrator."""
    admin = InfluxAdmin(servers.layout, servers.ports)
    admin.sign_in()
    return admin


@pytest.fixture
def settings(servers: Line, influx_admin: InfluxAdmin) -> Iterator[Settings]:
    """
    Settings of a pipeline that nobody else uses.

    Its topics are there and empty, its consumer group is new, its bucket is empty, its database
    has all tables and no rows; it connects as market_writer.
    """
    name = f"t{uuid.uuid4().hex[:12]}"
    settings = Settings(
        kafka_bootstrap=f"{LOOPBACK}:{servers.ports.kafka}",
        topic_market=f"{name}.market",
        topic_checkpoints=f"{name}.checkpoints",
        topic_dead_letters=f"{name}.dead-letters",
        topic_health=f"{name}.health",
        consumer_group=name,
        producer_health_port=0,
        consumer_health_port=0,
        influx_url=f"http://{LOOPBACK}:{servers.ports.influxdb}",
        influx_org=ORGANIZATION,
        influx_bucket=name,
        influx_token_file=servers.layout.secret(f"{name}_writer_token"),
        influx_reader_token_file=servers.layout.secret(f"{name}_reader_token"),
        influx_keeper_token_file=servers.layout.secret(f"{name}_keeper_token"),
        postgres_host=LOOPBACK,
        postgres_port=servers.ports.postgres,
        postgres_database=name,
        postgres_user=MARKET_WRITER,
        postgres_passfile=servers.layout.pgpass(MARKET_WRITER),
        postgres_reader_passfile=servers.layout.pgpass("market_reader"),
    )
    bucket = influx_admin.create_bucket(name)
    for file, rights in (
        (settings.influx_token_file, ["write"]),
        (settings.influx_reader_token_file, ["read"]),
        (settings.influx_keeper_token_file, ["read", "write"]),
    ):
        write_private(file, influx_admin.create_token(bucket, rights, f"{name} {rights}"))
    with superuser(servers.layout, servers.ports) as connection:
        create_market_database(connection, name, template=MARKET)
    ensure_topics(settings)
    yield settings
    _delete_topics(settings)
    with superuser(servers.layout, servers.ports) as connection:
        drop_database(connection, name)
    influx_admin.delete_bucket(bucket)


@pytest.fixture
def owner_settings(servers: Line, settings: Settings) -> Settings:
    """Settings of the same pipeline, connecting to PostgreSQL as the tables' owner."""
    owner = {
        "postgres_user": MARKET_OWNER,
        "postgres_passfile": servers.layout.pgpass(MARKET_OWNER),
    }
    return settings.model_copy(update=owner)


@pytest.fixture
def writer(settings: Settings) -> Iterator[Connection]:
    """Connect to the tables of `settings` as the role that fills them."""
    with connect(settings, application="test") as connection:
        yield connection


@pytest.fixture
def influx_reader_token_file(settings: Settings) -> Path:
    """Name a file with a token that reads the bucket of `settings`."""
    return settings.influx_reader_token_file


@pytest.fixture
def pipeline_environment(settings: Settings) -> dict[str, str]:
    """Environment for a process of the pipeline of `settings`: a producer, a consumer, a drain."""
    told = {f"{PREFIX}{name.upper()}": str(value) for name, value in settings}
    told[f"{PREFIX}MARKETS"] = ",".join(f"{m.exchange}:{m.symbol}" for m in settings.markets)
    return {**os.environ, **told, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}


def _delete_topics(settings: Settings) -> None:
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    try:
        admin.delete_topics(list(get_topic_specs(settings)))
    finally:
        admin.close()
