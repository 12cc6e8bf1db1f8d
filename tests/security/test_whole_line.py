"""A whole line as it runs: who can reach it, who can read its files, what it tells to whom."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial

import psutil
import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition

from local.environment import SIMULATED
from local.grafana_config import prepare_grafana
from local.line import Line
from local.ports import LOOPBACK
from local.processes import line_processes
from local.provision.postgres import AIRFLOW, MARKET_READER
from local.services import AIRFLOW as AIRFLOW_SERVICES
from local.services import SERVERS, SIMULATOR, STREAM
from tests.canaries import page, secrets, seen
from tests.chaos.servers import eventually

LOOPBACKS = {LOOPBACK, "::1", f"::ffff:{LOOPBACK}"}
OTHERS = 0o077

pytestmark = pytest.mark.timeout(600)  # a whole line starts, on a busy machine


@pytest.fixture(scope="module")
def line(toolchain, free_ports, tmp_path_factory) -> Iterator[Line]:
    root = tmp_path_factory.mktemp("line") / "whole"
    line = Line(root, free_ports.ports(), SIMULATED, toolchain, {"PIPELINE_HISTORY_BARS": "10"})
    try:
        line.start((*SERVERS, SIMULATOR, *STREAM, *AIRFLOW_SERVICES), detached=False)
        yield line
    finally:
        line.stop()


def family(line: Line) -> list[psutil.Process]:
    """Return the line's processes and all that descend from them."""
    found = {process.pid: process for process in line_processes(line.layout)}
    for process in list(found.values()):
        if process.is_running():
            found |= {child.pid: child for child in process.children(recursive=True)}
    return list(found.values())


def test_everything_listens_on_the_loopback_address_and_known_ports_only(line: Line):
    found = set()
    for process in family(line):
        try:
            sockets = process.net_connections("inet")
        except psutil.NoSuchProcess:  # a task that has ended
            continue
        except psutil.AccessDenied:  # Airflow makes a task's process undumpable: only root looks in
            assert os.geteuid() != 0
            continue
        found |= {
            (s.laddr.ip, s.laddr.port)
            for s in sockets
            if s.status == psutil.CONN_LISTEN or (s.type.name == "SOCK_DGRAM" and not s.raddr)
        }

    ports = line.ports
    assert {address for address, _ in found} <= LOOPBACKS
    assert {port for _, port in found} == {
        ports.kafka, ports.kafka_controller, ports.postgres, ports.influxdb, ports.airflow,
        ports.simulator, ports.producer_health, ports.consumer_health,
    }  # fmt: skip


def test_no_other_user_reads_its_files(line: Line):
    """The root is closed; what may hold a secret or data is closed by itself too."""
    layout = line.layout
    closed = [layout.root, *(p for p in layout.root.iterdir() if p.is_dir())]
    closed += [p for p in (layout.root / "data").iterdir() if p.is_dir()]
    secrets = [*layout.secrets.iterdir(), layout.airflow_home / "airflow.cfg"]

    assert {p: oct(p.stat().st_mode) for p in closed if p.stat().st_mode & OTHERS} == {}
    assert {p: oct(p.stat().st_mode) for p in secrets if p.stat().st_mode & 0o777 != 0o600} == {}
    assert layout.control_socket().parent.stat().st_mode & OTHERS == 0


def test_no_secret_is_in_kafka_or_told_by_the_services(line: Line):
    """Elsewhere `make chaos` looks once DAGs have run; these are the places it leaves out."""
    told = {
        f"{port}/{path}": page(f"http://{LOOPBACK}:{port}/{path}")
        for port in (line.ports.producer_health, line.ports.consumer_health)
        for path in ("healthz", "metrics", "nothing")
    }
    consumer = KafkaConsumer(bootstrap_servers=f"{LOOPBACK}:{line.ports.kafka}")
    try:
        for topic in sorted(consumer.topics()):
            partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
            is_awaited = topic in ("crypto.market", "crypto.health")
            told[f"topic {topic}"] = (
                eventually(partial(records, consumer, partitions), topic)
                if is_awaited
                else records(consumer, partitions)
            )
    finally:
        consumer.close()

    assert seen(secrets(line), told) == set()


def records(consumer: KafkaConsumer, partitions: list[TopicPartition]) -> bytes:
    """Return keys, values and headers of all that is there now."""
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends, found = consumer.end_offsets(partitions), []
    while any(consumer.position(p) < ends[p] for p in partitions):
        for polled in consumer.poll(1_000).values():
            found += [str((r.key, r.value, r.headers)).encode() for r in polled]
    return b"\n".join(found)


CLOSED = (
    "api/v2/dags", "api/v2/connections", "api/v2/variables", "api/v2/config", "api/v2/pools",
    "api/v2/eventLogs", "api/v2/assets", "api/v2/importErrors", "api/v2/plugins",
    "api/v2/dags/~/dagRuns", "api/v2/dags/drain_kafka/dagRuns/~/taskInstances",
    "api/v2/connections/market", "api/v2/dagSources/drain_kafka", "ui/config", "ui/dags",
    "market/", "market/files/market.js", "market/api/markets",
    "market/api/candles?exchange=binance&symbol=BTC/USDT",
    "market/api/newest?exchange=binance&symbol=BTC/USDT",
    "market/api/evidence?exchange=binance&symbol=BTC/USDT",
)  # fmt: skip
DONE = (
    ("POST", "api/v2/dags/drain_kafka/dagRuns", {"logical_date": None}),
    ("PATCH", "api/v2/dags/drain_kafka", {"is_paused": True}),
    ("POST", "api/v2/variables", {"key": "mine", "value": "1"}),
    ("POST", "api/v2/connections", {"connection_id": "mine", "conn_type": "http"}),
    ("DELETE", "api/v2/dags/drain_kafka", None),
    ("POST", "auth/token", {"username": "admin", "password": "admin"}),
    ("POST", "auth/token", {"username": "airflow", "password": "airflow"}),
    ("POST", "auth/token", {"username": "admin", "password": ""}),
)


def asked(line: Line, method: str, path: str, body=None, token: str = "") -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(
        f"http://{LOOPBACK}:{line.ports.airflow}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers=headers,
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("token", ["", "not.a.token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."])
def test_airflow_tells_nothing_to_who_is_not_logged_in(line: Line, path: str, token: str):
    assert asked(line, "GET", path, token=token)[0] in (401, 403)


@pytest.mark.parametrize(("method", "path", "body"), DONE)
def test_airflow_does_nothing_for_who_is_not_logged_in(line: Line, method, path, body):
    assert asked(line, method, path, body)[0] in (400, 401, 403, 422)


def test_no_door_gives_a_token_to_who_has_no_password(line: Line):
    """SimpleAuthManager has one for those whom it lets do everything, which is off."""
    for path in ("auth/token", "auth/token/login"):
        assert asked(line, "GET", path)[0] in (401, 403, 404, 405)


def test_airflow_shows_no_secret_to_its_administrator_either(line: Line):
    password = json.loads(line.layout.secret("airflow_passwords.json").read_text())["admin"]
    _, said = asked(line, "POST", "auth/token", {"username": "admin", "password": password})
    token = json.loads(said)["access_token"]
    shown = {}
    for path in CLOSED:
        status, shown[path] = asked(line, "GET", path, token=token)
        assert status in (200, 403, 404, 503), (path, status, shown[path][:200])
    assert seen(secrets(line), shown) == set()
    assert asked(line, "GET", "api/v2/config", token=token)[0] == 403


def test_the_reader_sees_six_columns_of_airflows_and_no_connection(line: Line):
    with psycopg.connect(
        host=LOOPBACK, port=line.ports.postgres, dbname=AIRFLOW, user=MARKET_READER,
        passfile=str(line.layout.pgpass(MARKET_READER)), autocommit=True,
    ) as connection:  # fmt: skip
        connection.execute("SELECT dag_id, state FROM dag_run")
        for table in ("connection", "variable", "xcom", "log", "rendered_task_instance_fields"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT conf FROM dag_run")


def test_grafana_lets_nobody_in_without_its_generated_password(line: Line):
    prepare_grafana(line.layout, line.ports)
    told = (line.layout.root / "grafana" / "grafana.ini").read_text()

    assert "[auth.anonymous]\nenabled = false" in told
    assert "allow_sign_up = false" in told
    assert f"http_addr = {LOOPBACK}" in told
    secret = line.layout.secret("grafana_admin_password")
    assert f"admin_password = $__file{{{secret}}}" in told
    assert len(secret.read_text()) > 40
    assert secret.read_text() not in told
