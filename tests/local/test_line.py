"""A line of its own on real servers: what is private, what survives which blow."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from include.errors import Misconfigured
from include.settings import Settings
from local.configuration import read_configuration
from local.environment import SIMULATED
from local.free_ports import FreePorts
from local.install import Toolchain
from local.line import Line
from local.ports import LOOPBACK
from local.processes import line_processes
from local.readiness import postgres_answers
from local.services import AIRFLOW, SERVERS, SIMULATOR, STREAM
from local.status import failing, render, service_statuses
from tests import waiting
from tests.canaries import secrets

TIMEOUT_S = 30.0
eventually = partial(waiting.eventually, timeout_s=TIMEOUT_S)


@pytest.fixture(scope="module")
def line(
    toolchain: Toolchain, free_ports: FreePorts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Line]:
    root = tmp_path_factory.mktemp("a line")
    line = Line(root, free_ports.ports(), SIMULATED, toolchain, {"PIPELINE_POLL_INTERVAL_S": "1"})
    try:
        line.start(SERVERS)
        yield line
    finally:
        line.stop()


def connect(line: Line, role: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=LOOPBACK, port=line.ports.postgres, dbname="market", user=role,
        passfile=str(line.layout.pgpass(role)), autocommit=True,
    )  # fmt: skip


def listening(line: Line) -> set[tuple[str, int]]:
    return {
        (connection.laddr.ip, connection.laddr.port)
        for process in line_processes(line.layout)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def states(line: Line) -> dict[str, str]:
    return {status.name: status.state for status in service_statuses(line)}


def test_only_what_was_asked_for_runs(line: Line) -> None:
    eventually(lambda: all(states(line)[name] == "RUNNING" for name in SERVERS), "all servers")
    resting = (SIMULATOR, *STREAM, *AIRFLOW)
    assert {states(line)[name] for name in resting} == {"STOPPED"}
    assert failing(line) == []
    text = render(line)
    assert all(name in text for name in (*SERVERS, *resting))
    assert str(line.ports.airflow) in text


def test_secrets_are_this_user_s_alone(line: Line) -> None:
    assert line.layout.root.stat().st_mode & 0o777 == 0o700
    assert line.layout.secrets.stat().st_mode & 0o777 == 0o700
    private = [*line.layout.secrets.iterdir(), line.layout.airflow_home / "airflow.cfg"]
    assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
    passwords = [secret for name, secret in secrets(line).items() if not name.endswith("pgpass")]
    assert len(set(passwords)) == len(passwords)


@pytest.mark.fault(31)
def test_no_secret_shows_in_a_process_or_a_log(line: Line) -> None:
    hidden = secrets(line)
    public = [
        Path(f"/proc/{process.pid}", what).read_bytes()
        for process in line_processes(line.layout)
        for what in ("cmdline", "environ")
    ]
    assert len(public) >= 2 * (len(SERVERS) + 1)
    public += [file.read_bytes() for file in line.layout.logs.rglob("*") if file.is_file()]
    public += [file.read_bytes() for file in line.layout.run.iterdir() if file.is_file()]
    public.append(repr(line.environment()).encode())
    shown = {name for name, secret in hidden.items() for text in public if secret in text}
    assert shown == set()


def test_its_environment_makes_settings(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in line.environment().items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert settings.poll_interval_s == 1
    assert settings.kafka_bootstrap == f"{LOOPBACK}:{line.ports.kafka}"
    assert settings.exchange_url == f"http://{LOOPBACK}:{line.ports.simulator}"
    assert settings.postgres_passfile.is_file()
    assert settings.influx_token_file.is_file()
    assert read_configuration(Path(os.devnull), os.environ).keys() >= {"PIPELINE_KAFKA_BOOTSTRAP"}


def test_a_second_start_is_refused(line: Line) -> None:
    with pytest.raises(Misconfigured, match="already running"):
        line.start(SERVERS)
    assert line.is_running()


def test_a_taken_port_is_one_clear_line(line: Line, toolchain: Toolchain, tmp_path: Path) -> None:
    other = Line(tmp_path / "other", line.ports, SIMULATED, toolchain)
    with pytest.raises(Misconfigured) as refusal:
        other.start(["postgres"])
    assert str(refusal.value) == (
        f"port {line.ports.postgres} for PostgreSQL is taken by another program: "
        "stop that, or set POSTGRES_PORT in .env to a free port"
    )
    assert not other.is_running()


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_server_comes_back_on_its_port(line: Line, name: str) -> None:
    def pid() -> int:
        return next(s.pid for s in service_statuses(line) if s.name == name)

    eventually(lambda: states(line)[name] == "RUNNING", name)
    first, ports = pid(), listening(line)
    psutil.Process(first).kill()
    eventually(lambda: pid() not in (0, first), "another process")
    eventually(lambda: listening(line) == ports, "the same ports")
    eventually(lambda: postgres_answers(line.layout, line.ports), "PostgreSQL")


def test_a_killed_supervisor_leaves_nothing_behind_and_no_data_is_lost(line: Line) -> None:
    topic = TopicPartition("crypto.health", 0)
    bootstrap = f"{LOOPBACK}:{line.ports.kafka}"
    with connect(line, "market_owner") as connection:
        connection.execute("CREATE TABLE kept (x int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    producer.send(topic.topic, b"kept").get(timeout=30)
    producer.close()
    before = secrets(line)

    psutil.Process(line.supervisor.pid()).kill()
    eventually(lambda: not line.is_running(), "the end of the line")
    assert len(line_processes(line.layout)) >= len(SERVERS)
    assert line.stop()
    assert line_processes(line.layout) == []
    assert not line.stop()

    line.start(SERVERS)
    assert secrets(line) == before
    with connect(line, "market_owner") as connection:
        assert connection.execute("SELECT x FROM kept").fetchall() == [(42,)]
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        assert consumer.end_offsets([topic]) == {topic: 1}
    finally:
        consumer.close()


def test_a_stopped_line_is_gone(line: Line) -> None:
    assert line.stop()
    assert not line.is_running()
    assert line_processes(line.layout) == []
    line.ports.require_free(["kafka", "kafka_controller", "postgres", "influxdb"])
