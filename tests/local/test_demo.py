"""What a person types in a checkout of their own: the demo, Ctrl-C, and up, down, doctor."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest

from local.environment import SIMULATED
from local.free_ports import FreePorts
from local.install import Toolchain
from local.layout import REPOSITORY, Layout
from local.processes import end_processes, line_processes
from tests.waiting import eventually

NOT_COPIED = shutil.ignore_patterns(".git", ".line", ".venv", "__pycache__", ".*_cache")
DOWN_S = 60.0
NOTHING_RUNS = "no line is running: `make up` starts one, `make demo` shows one"


@pytest.fixture(scope="module")
def checkout(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    copy = tmp_path_factory.mktemp("somewhere") / "checkout"
    shutil.copytree(REPOSITORY, copy, ignore=NOT_COPIED)
    yield copy
    end_processes(line_processes(Layout(copy / ".line" / SIMULATED)), term_wait_s=1)


@pytest.fixture(scope="module")
def environment(free_ports: FreePorts) -> dict[str, str]:
    ports = {f"{name.upper()}_PORT": str(port) for name, port in asdict(free_ports.ports()).items()}
    make_s_own = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS")
    return {n: v for n, v in os.environ.items() if n not in make_s_own} | ports


def make(checkout: Path, environment: dict[str, str], *words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["make", *words], cwd=checkout, env=environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def test_the_demo_shows_data_and_is_gone_after_ctrl_c(
    checkout: Path, environment: dict[str, str]
) -> None:
    with subprocess.Popen(
        ["make", "demo"],
        cwd=checkout, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as demo:  # fmt: skip
        try:
            said = []
            while not (said and said[-1].startswith("first KPI in InfluxDB after ")):
                line = demo.stdout.readline()
                assert line, demo.stderr.read()
                said.append(line)
            for target in ("status", "doctor"):  # not ready for a moment: a busy machine
                told = partial(make, checkout, environment, target)
                eventually(lambda told=told: told()[0] == 0, told, timeout_s=60, pause_s=1)
            while not said[-1].startswith("BTC/USDT "):  # the figures of a moment
                said.append(demo.stdout.readline())
                assert said[-1], demo.stderr.read()
        finally:
            os.killpg(demo.pid, signal.SIGINT)
            rest, complaints = demo.communicate(timeout=DOWN_S)

    assert "Traceback" not in complaints + rest
    assert line_processes(Layout(checkout / ".line" / SIMULATED)) == []
    code, told = make(checkout, environment, "status")
    assert (code, told.splitlines()[0]) == (2, NOTHING_RUNS)


def test_what_a_killed_supervisor_left_is_found_and_ended(
    checkout: Path, environment: dict[str, str]
) -> None:
    code, told = make(checkout, environment, "up", "MARKET=simulated")
    assert code == 0, told
    layout = Layout(checkout / ".line" / SIMULATED)
    (supervisor,) = [p for p in line_processes(layout) if "supervisor" in " ".join(p.cmdline())]

    supervisor.kill()
    supervisor.wait(10)

    code, told = make(checkout, environment, "doctor")
    assert code == 2, told
    assert "the simulated line's supervisor was killed" in told
    assert "`make down` ends them" in told
    assert "another program" not in told
    assert make(checkout, environment, "down")[0] == 0
    assert line_processes(layout) == []
    code, told = make(checkout, environment, "doctor")
    assert code == 0, told
