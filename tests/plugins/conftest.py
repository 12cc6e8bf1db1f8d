"""An Airflow of its own: three small DAGs, a scheduler and an API server, its tables empty."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.airflow_config import metadata_database
from local.free_ports import FreePorts
from local.layout import REPOSITORY
from local.line import Line
from local.ports import LOOPBACK

PLUGINS = REPOSITORY / "plugins"
DAGS = """
from datetime import UTC, datetime
from airflow.sdk import CronDataIntervalTimetable, dag, task

def daily(name, paused=False):
    @dag(
        dag_id=name,
        schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        is_paused_upon_creation=paused,
        params={"asked": "nothing"},
    )
    def made():
        @task
        def work(params, logical_date=None):
            if name == "breaks_on_the_second" and logical_date.day == 2:
                raise ValueError("the second")
            if params["asked"] != "nothing" and params["asked"] != "something":
                raise ValueError(params["asked"])
        work()
    made()

daily("works")
daily("breaks_on_the_second")
daily("rests", paused=True)
"""


class Airflow:
    """Programs of one installation, run with its environment."""

    def __init__(self, home: Path, port: int, database: str) -> None:
        (home / "dags").mkdir(parents=True)
        (home / "dags" / "daily.py").write_text(DAGS)
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test alone, long enough for HS512 "
            * 2,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "300",  # a busy machine's
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `airflow` with *arguments* to its end."""
        return subprocess.run(
            ["airflow", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a service; its output goes to a file of its name."""
        with (self.home / f"{arguments[0]}.log").open("wb") as log:
            return subprocess.Popen(
                ["airflow", *arguments], env=self.environment, stdout=log, stderr=log
            )


@pytest.fixture(scope="module")
def airflow(
    servers: Line, tmp_path_factory: pytest.TempPathFactory, free_ports: FreePorts
) -> Airflow:
    """An Airflow whose tables are there and whose DAGs are known; nothing runs."""
    home = tmp_path_factory.mktemp("airflow") / "home"
    database = metadata_database(servers.layout, servers.ports)
    airflow = Airflow(home, free_ports.ports().airflow, database)
    for arguments in (("db", "migrate"), ("dags", "reserialize")):
        done = airflow.run(*arguments)
        assert done.returncode == 0, done.stderr
    return airflow


@pytest.fixture(scope="module")
def running(airflow: Airflow) -> Iterator[Airflow]:
    """The same, with what runs tasks."""
    port = airflow.environment["AIRFLOW__API__PORT"]
    services = [
        airflow.start("api-server", "--host", LOOPBACK, "--port", port, "--workers", "1"),
        airflow.start("scheduler", "--skip-serve-logs"),
    ]
    try:
        check = ("jobs", "check", "--job-type", "SchedulerJob")
        deadline = time.monotonic() + 120
        while airflow.run(*check).returncode != 0:
            assert time.monotonic() < deadline, (airflow.home / "scheduler.log").read_text()
        yield airflow
    finally:
        family = [psutil.Process(service.pid) for service in services]
        family += [child for parent in family for child in parent.children(recursive=True)]
        for service in services:
            service.terminate()
        _, alive = psutil.wait_procs(family, timeout=20)
        for process in alive:
            process.kill()
        for service in services:
            service.wait(10)
