"""A whole line, Airflow included: its tasks killed, and no secret of its to be seen anywhere."""

from pathlib import Path

import psutil
import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition

from local.environment import BUCKET, ORGANIZATION, SIMULATED
from local.line import Line
from local.ports import LOOPBACK
from local.processes import line_processes
from local.provision.postgres import AIRFLOW, MARKET, SUPERUSER
from tests.canaries import page, secrets, seen
from tests.chaos.pipeline import HISTORY_BARS
from tests.chaos.servers import eventually
from tests.chaos.verifier import Stores, verify
from tests.chaos.verifier.exchange import Exchange
from tests.chaos.verifier.influxdb import Influx
from tests.chaos.verifier.postgres import Postgres

TASKS_KILLED = 3
SYMBOLS = ("BTC/USDT", "ETH/USDT")
RUN_S = 400.0  # until a scheduled run has done what it should, on a busy machine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def line(toolchain, free_ports, tmp_path_factory):
    told = {"PIPELINE_POLL_INTERVAL_S": "1", "PIPELINE_HISTORY_BARS": str(HISTORY_BARS)}
    root = tmp_path_factory.mktemp("whole line")
    line = Line(root, free_ports.ports(), SIMULATED, toolchain, told)
    try:
        line.start(detached=False)
        yield line
    finally:
        line.stop()


def postgres(line: Line, database: str) -> str:
    return (
        f"host={LOOPBACK} port={line.ports.postgres} dbname={database} user={SUPERUSER}"
        f" passfile='{line.layout.pgpass(SUPERUSER)}'"
    )


def trades(line: Line) -> int:
    market = Postgres(postgres(line, MARKET))
    try:
        return market.count("trades")
    finally:
        market.close()


def behind(line: Line) -> int:
    """Return how many records of crypto.market PostgreSQL has not got."""
    topic = "crypto.market"
    consumer = KafkaConsumer(
        bootstrap_servers=f"{LOOPBACK}:{line.ports.kafka}", isolation_level="read_committed"
    )
    try:
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        ends = sum(consumer.end_offsets(partitions).values())
    finally:
        consumer.close()
    market = Postgres(postgres(line, MARKET))
    try:
        return ends - market.sum("kafka_offsets", "next_offset")
    finally:
        market.close()


@pytest.mark.fault(27)
def test_tasks_and_scheduler_killed(line, story):
    eventually(lambda: trades(line), "rows of a scheduled drain", timeout_s=RUN_S)
    for _ in range(TASKS_KILLED):
        task = eventually(
            lambda: running_task(line), "a task at work", timeout_s=RUN_S, pause_s=0.05
        )
        for process in [*task.children(recursive=True), task]:
            process.kill()
    scheduler = next(s.pid for s in line.supervisor.states() if s.name == "scheduler")
    psutil.Process(scheduler).kill()
    line.supervisor.stop_services(["producer"], 60)
    until_ms = newest_snapshot_ms(line)
    eventually(lambda: not behind(line), "scheduled drains to catch up", timeout_s=RUN_S, pause_s=1)
    market = Postgres(postgres(line, MARKET))
    try:
        stores = Stores(market, influx(line))
        url = f"http://{LOOPBACK}:{line.ports.simulator}"
        verdict = verify(
            Exchange(url), stores, SYMBOLS, history_bars=HISTORY_BARS, until_ms=until_ms
        )
    finally:
        market.close()
        line.supervisor.start_services(["producer"])

    story.injected(f"{TASKS_KILLED} tasks of drain_kafka and the scheduler SIGKILLed")
    story.found(str(verdict))
    assert verdict.is_clean, verdict


def running_task(line: Line) -> psutil.Process | None:
    """Return a process of Airflow's that runs a task."""
    for process in line_processes(line.layout):
        try:
            if " ".join(process.cmdline()).startswith("airflow worker -- "):
                return process
        except psutil.NoSuchProcess:
            continue
    return None


def influx(line: Line) -> Influx:
    token = line.layout.secret("influx_reader_token").read_text().strip()
    return Influx(f"http://{LOOPBACK}:{line.ports.influxdb}", ORGANIZATION, BUCKET, token)


def newest_snapshot_ms(line: Line) -> int:
    return min(influx(line).newest_ms("crypto_prices", symbol) for symbol in SYMBOLS)


@pytest.mark.fault(31)
def test_no_secret_is_to_be_seen(line, story):
    """
    The line's own secrets are the canaries: random, of this line only, in use by all of it.
    """
    eventually(lambda: trades(line), "rows of a scheduled drain", timeout_s=RUN_S)
    hidden = secrets(line)
    places = {
        **processes(line),
        **files(line),
        **tables(line),
        **pages(line),
    }
    found = seen(hidden, places)

    story.injected(f"{len(hidden)} secrets in use for {len(places)} places to show")
    story.found(f"seen: {sorted(found) or 'none'}")
    assert any("table dag_run" in place for place in places)
    assert any("table xcom" in place for place in places)
    assert found == set()


def processes(line: Line) -> dict[str, bytes]:
    return {
        f"/proc/{process.pid}/{what}": Path(f"/proc/{process.pid}/{what}").read_bytes()
        for process in line_processes(line.layout)
        for what in ("cmdline", "environ")
        if psutil.pid_exists(process.pid)
    }


def files(line: Line) -> dict[str, bytes]:
    """Read logs, Airflow's of each task among them, and what the line wrote to run itself."""
    folders = (line.layout.logs, line.layout.airflow_home / "logs", line.layout.run)
    return {
        str(file): file.read_bytes()
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file()
    }


def tables(line: Line) -> dict[str, bytes]:
    """Read all that Airflow remembers: XComs, rendered fields, connections, logs."""
    found = {}
    with psycopg.connect(postgres(line, AIRFLOW), autocommit=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        for (name,) in names:
            rows = connection.execute(f'SELECT t::text FROM "{name}" t').fetchall()
            found[f"table {name}"] = "\n".join(row for (row,) in rows).encode()
    return found


def pages(line: Line) -> dict[str, bytes]:
    """Read what is served to whoever has no key: health, metrics, pages of errors."""
    ports = line.ports
    asked = [
        *(f"{port}/{path}" for port in (ports.producer_health, ports.consumer_health)
          for path in ("healthz", "metrics", "nothing")),
        f"{ports.airflow}/api/v2/dags",
        f"{ports.airflow}/api/v2/connections/market",
        f"{ports.influxdb}/api/v2/buckets",
        f"{ports.influxdb}/metrics",
        f"{ports.simulator}/api/v3/nothing",
    ]  # fmt: skip
    return {where: page(f"http://{LOOPBACK}:{where}") for where in asked}
