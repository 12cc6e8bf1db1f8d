"""The steps that end, run as docker-compose.yaml runs them, on servers that hold nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from include.errors import Exit, Unavailable
from local.free_ports import FreePorts
from local.hosts import Hosts
from local.install import Toolchain
from local.layout import REPOSITORY, Layout
from local.ports import Ports
from local.postgres_config import prepare_postgres
from local.provision.files import NEEDED_BY, copies
from local.provision.postgres import superuser
from local.readiness import influxdb_answers
from local.services import services
from tests.waiting import eventually

HOST = "localhost"  # not the 127.0.0.1 that is the default
DEADLINE_S = 240


@dataclass
class Containers:
    """A folder that stands for the volume, and how each step is run on it."""

    layout: Layout
    ports: Ports
    every_service: dict

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service, its addresses and folders being those of this machine."""
        told = self.every_service[service]["environment"]
        here = {name: str(value).replace("/var/lib/pipeline", str(self.layout.root))
                for name, value in told.items() if value is not None}  # fmt: skip
        here |= {
            "PIPELINE_POSTGRES_HOST": HOST,
            "PIPELINE_POSTGRES_PORT": str(self.ports.postgres),
            "PIPELINE_INFLUX_URL": f"http://{HOST}:{self.ports.influxdb}",
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(self.layout.root),
            "PATH": os.defpath,
        }
        return here

    def run(self, service: str, command: list[str] | None = None):
        """Run a service's command to its end; groups other than ours only root could give."""
        words = command or self.every_service[service]["command"]
        assert words[0] == "python"
        words = [word.replace("/var/lib/pipeline", str(self.layout.root)) for word in words[1:]]
        words = [f"{word.rpartition('=')[0]}={os.getgid()}" if word.startswith("--group=") else
                 word for word in words]  # fmt: skip
        return subprocess.run(
            [sys.executable, *words], env=self.environment(service), cwd=REPOSITORY,
            capture_output=True, text=True, timeout=DEADLINE_S,
        )  # fmt: skip


def until(answers, process):
    def answering():
        assert process.poll() is None, "the server ended"
        return answers()

    eventually(answering, "the server to answer", timeout_s=DEADLINE_S)


def postgres_lets_in(layout, ports):
    try:
        with superuser(layout, ports, hosts=Hosts(postgres=HOST)):
            return True
    except Unavailable:
        return False


@pytest.fixture(scope="module")
def containers(
    toolchain: Toolchain,
    free_ports: FreePorts,
    every_service,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Containers]:
    """Servers that hold nothing yet, started on the files that the step `files` made."""
    layout, ports = Layout(tmp_path_factory.mktemp("containers")), free_ports.ports()
    containers = Containers(layout, ports, every_service)
    done = containers.run("files")
    assert done.returncode == 0, done.stderr
    prepare_postgres(toolchain.postgres, layout, ports)
    commands = {s.name: s.command for s in services(layout, ports, "live", toolchain)}
    started = []
    try:
        for name in ("postgres", "influxdb"):
            with layout.log(name).open("wb") as log:
                started.append(subprocess.Popen(commands[name], stdout=log, stderr=log))
        until(lambda: postgres_lets_in(layout, ports), started[0])
        until(lambda: influxdb_answers(ports), started[1])
        yield containers
    finally:
        for process in started:
            process.send_signal(signal.SIGINT)
        for process in started:
            process.wait(DEADLINE_S)


@pytest.fixture(scope="module")
def provisioned(containers: Containers) -> Containers:
    """The same after all steps, each run twice: compose runs them at every start."""
    for service in ("files", "provision-postgres", "provision-influxdb", "migrations") * 2:
        done = containers.run(service)
        assert done.returncode == 0, f"{service}: {done.stderr}"
    return containers


def connect(containers: Containers, role: str, database: str = "market"):
    return psycopg.connect(
        host=HOST, port=containers.ports.postgres, dbname=database, user=role,
        passfile=str(containers.layout.pgpass(role)),
    )  # fmt: skip


def test_the_tables_are_there_and_the_writer_reaches_them(provisioned):
    with connect(provisioned, "market_writer") as connection:
        assert connection.execute("SELECT count(*) FROM candles").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE candles")


def test_grafana_s_copy_of_its_token_reads_and_does_not_write(provisioned):
    token = (copies(provisioned.layout, "grafana") / "influx_reader_token").read_text().strip()
    url = f"http://{HOST}:{provisioned.ports.influxdb}"
    with InfluxDBClient(url, token=token, org="crypto") as client:
        assert client.query_api().query('from(bucket: "crypto-data") |> range(start: -1m)') == []
        writing = client.write_api(write_options=SYNCHRONOUS)
        with pytest.raises(ApiException, match=r"40[134]"):
            writing.write("crypto-data", record="m f=1")


def test_airflow_makes_its_tables_and_the_reader_sees_its_runs(provisioned):
    for service in ("airflow-migrate", "provision-runs"):
        done = provisioned.run(service)
        assert done.returncode == 0, done.stderr
    with connect(provisioned, "market_reader", "airflow") as connection:
        assert connection.execute("SELECT dag_id, state FROM dag_run").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM connection")


def test_others_read_their_copies_and_nothing_else(provisioned):
    root = provisioned.layout.root

    def mode(path: Path) -> int:
        return path.stat().st_mode & 0o777

    assert mode(root) == mode(root / "copies") == 0o711
    assert mode(provisioned.layout.secrets) == mode(provisioned.layout.airflow_home) == 0o700
    assert {mode(file) for file in provisioned.layout.secrets.iterdir()} == {0o600}
    for server, names in NEEDED_BY.items():
        folder = copies(provisioned.layout, server)
        assert mode(folder) == 0o750
        assert {file.name for file in folder.iterdir()} == set(names)
        assert {mode(file) for file in folder.iterdir()} == {0o640}


def test_grafana_s_configuration_can_be_read_and_holds_no_secret(provisioned):
    files = [file for file in (provisioned.layout.root / "grafana").rglob("*") if file.is_file()]
    assert len(files) == 5
    text = "".join(file.read_text() for file in files)
    secrets = [file.read_text().strip() for file in provisioned.layout.secrets.iterdir()]
    assert [secret for secret in secrets if secret in text] == []
    assert str(copies(provisioned.layout, "grafana") / "grafana_admin_password") in text


def test_what_the_steps_need_is_in_the_image(provisioned):
    """
    The image has requirements.txt, not requirements-dev.txt.
    """
    program = (
        "import sys, local.provision.__main__, local.airflow_health, include.simulator.__main__;"
        "print(sorted({'psutil', 'supervisor', 'pytest', 'hypothesis'} & set(sys.modules)))"
    )
    done = provisioned.run("files", ["python", "-c", program])
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_a_server_that_is_away_is_3_in_a_line(containers):
    away = ["python", "-m", "local.provision", "influxdb", "--line=/var/lib/pipeline/elsewhere"]
    elsewhere = Containers(containers.layout, Ports(influxdb=1024), containers.every_service)
    Layout(containers.layout.root / "elsewhere").create()
    done = elsewhere.run("provision-influxdb", away)
    assert done.returncode == Exit.UNAVAILABLE
    assert "InfluxDB at http://localhost:1024 does not answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("wrong", "named"),
    [("--group=grafana", "--group"), ("--group=nobody=1", "--group"), ("--airflow=x", "--airflow")],
)
def test_a_wrong_option_is_2_in_a_line(containers, wrong, named):
    command = ["python", "-m", "local.provision", "files", "--line=/var/lib/pipeline", wrong]
    done = containers.run("files", command)
    assert done.returncode == Exit.MISCONFIGURED
    assert done.stderr.startswith(f"provision: {named}") or named in done.stderr
    assert "Traceback" not in done.stderr
