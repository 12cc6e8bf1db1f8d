"""The health check of the Celery workers' containers, on a worker and a broker of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.layout import REPOSITORY
from tests.waiting import eventually

BROKER = "filesystem://"  # Celery's broker of files in the working directory needs no server
START_S = 60


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": str(REPOSITORY), "AIRFLOW_HOME": str(folder)}


def configure(folder: Path, broker: str) -> Path:
    (folder / "airflow.cfg").write_text(f"[celery]\nbroker_url = {broker.replace('%', '%%')}\n")
    return folder


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.worker_health"],
        cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.fixture
def broker(tmp_path: Path) -> Path:
    """A folder that holds the files of a broker."""
    (tmp_path / "data_out").mkdir()
    (tmp_path / "data_in").symlink_to("data_out")
    return configure(tmp_path, BROKER)


@pytest.fixture
def worker(broker: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "--broker", BROKER, "worker", "--pool", "solo"]
    command += ["--hostname", f"celery@{socket.gethostname()}", "--loglevel", "ERROR"]
    with (broker / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=broker, env={**environment(broker), "C_FORCE_ROOT": "1"},
            stdout=log, stderr=log,
        )  # fmt: skip
    yield process
    process.kill()
    process.wait(10)


def test_a_worker_that_answers_is_healthy_and_a_killed_one_is_not(worker, broker):
    eventually(
        lambda: check(broker).returncode == 0,
        lambda: (broker / "worker.log").read_text(),
        timeout_s=START_S,
    )

    worker.kill()
    worker.wait(10)

    done = check(broker)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"celery@{socket.gethostname()}: no reply\n"


@pytest.mark.parametrize("broker_url", ["redis://127.0.0.1:9/0", "redis://:100%25@127.0.0.1:9/0"])
def test_a_broker_that_is_away_is_named_without_its_password(tmp_path, broker_url):
    done = check(configure(tmp_path, broker_url))

    assert (done.returncode, done.stderr) == (1, "")
    assert "refused" in done.stdout
    assert "100%" not in done.stdout


def test_a_configuration_without_a_broker_is_not_healthy(tmp_path):
    (tmp_path / "airflow.cfg").write_text("[core]\n")

    done = check(tmp_path)

    assert (done.returncode, done.stderr) == (1, "")
    assert "No section: 'celery'" in done.stdout


def test_the_workers_of_the_compose_file_run_it(every_service):
    assert every_service["worker"]["healthcheck"]["test"] == [
        *("CMD", "python", "-m", "local.worker_health"),
    ]
