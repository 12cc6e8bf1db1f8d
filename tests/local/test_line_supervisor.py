"""The supervisor, with small programs in place of the services."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from local.environment import MARKER
from local.layout import REPOSITORY, Layout
from local.processes import end_processes, line_processes
from local.services import Service
from local.supervisor import ServiceState, Supervisor
from local.supervisor_config import config_file, supervisor_config
from tests import waiting

PYTHON = Path(sys.executable)
TIMEOUT_S = 20.0
eventually = partial(waiting.eventually, timeout_s=TIMEOUT_S)


def script(name: str, text: str) -> Service:
    return Service(name, [sys.executable, "-c", text], settled_s=1, stop_wait_s=2)


SERVICES = [
    script("misconfigured", "import sys; print('started'); sys.exit(2)"),
    script("crashing", "import sys; print('started'); sys.exit(1)"),
    script("steady", "import time; print('started'); time.sleep(600)"),
    script("stubborn", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"),
    script("quoting", 'print(\'100% "quoted" \' + "it\'s")'),
]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path / "a line")
    layout.create()
    socket = layout.control_socket()
    layout.socket_record.write_text(str(socket))
    config_file(layout).write_text(supervisor_config(layout, socket, SERVICES))
    yield layout
    end_processes(line_processes(layout), term_wait_s=0)
    layout.remove_socket()


def environment(layout: Layout) -> dict[str, str]:
    return {MARKER: str(layout.root), "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def supervisor(layout: Layout) -> Supervisor:
    supervisor = Supervisor(layout)
    supervisor.start(PYTHON, environment(layout), detached=True)
    return supervisor


def state(supervisor: Supervisor, name: str) -> ServiceState:
    return next(s for s in supervisor.states() if s.name == name)


def test_nothing_starts_by_itself(supervisor: Supervisor) -> None:
    assert {s.state for s in supervisor.states()} == {"STOPPED"}


def test_a_crash_is_tried_again_a_misconfiguration_is_not(
    supervisor: Supervisor, layout: Layout
) -> None:
    supervisor.start_services(["crashing", "misconfigured"])
    crashes = layout.log("crashing")
    eventually(lambda: crashes.read_text().count("started") >= 3, "three starts")
    found = state(supervisor, "misconfigured")
    assert (found.state, found.exit_code, found.pid) == ("EXITED", 2, 0)
    assert layout.log("misconfigured").read_text() == "started\n"


def test_a_command_arrives_as_it_was_written(supervisor: Supervisor, layout: Layout) -> None:
    supervisor.start_services(["quoting"])
    eventually(lambda: layout.log("quoting").read_text() != "", "a line in the log")
    assert layout.log("quoting").read_text().splitlines()[0] == '100% "quoted" it\'s'


def test_a_killed_service_comes_back(supervisor: Supervisor) -> None:
    supervisor.start_services(["steady"])
    eventually(lambda: state(supervisor, "steady").state == "RUNNING", "steady")
    first = state(supervisor, "steady").pid
    psutil.Process(first).kill()
    eventually(lambda: state(supervisor, "steady").pid not in (0, first), "another process")


def test_what_ignores_the_signal_is_killed(supervisor: Supervisor, layout: Layout) -> None:
    supervisor.start_services(["stubborn", "steady"])
    eventually(lambda: state(supervisor, "stubborn").state == "RUNNING", "stubborn")
    supervisor.stop_services(["stubborn", "steady"], TIMEOUT_S)
    assert {s.state for s in supervisor.states()} == {"STOPPED"}
    assert [p.pid for p in line_processes(layout)] == [supervisor.pid()]


def test_orphans_of_a_killed_supervisor_are_found_and_ended(
    supervisor: Supervisor, layout: Layout
) -> None:
    supervisor.start_services(["stubborn", "steady"])
    eventually(lambda: state(supervisor, "steady").state == "RUNNING", "steady")
    psutil.Process(supervisor.pid()).kill()
    eventually(lambda: not supervisor.answers(), "silence")
    orphans = line_processes(layout)
    assert len(orphans) == 2
    end_processes(orphans, term_wait_s=1)
    assert line_processes(layout) == []


def test_only_this_user_can_open_the_socket(supervisor: Supervisor, layout: Layout) -> None:
    socket = Path(layout.socket_record.read_text())
    assert supervisor.answers()
    assert socket.stat().st_mode & 0o777 == 0o600
    assert socket.parent.stat().st_mode & 0o777 == 0o700


def test_not_detached_it_ends_with_its_parent_however_that_ends(layout: Layout) -> None:
    program = (
        "import sys, time; from pathlib import Path; from local.layout import Layout\n"
        "from local.supervisor import Supervisor\n"
        f"supervisor = Supervisor(Layout(Path({str(layout.root)!r})))\n"
        f"supervisor.start(Path(sys.executable), {environment(layout)!r}, detached=False)\n"
        "supervisor.start_services(['steady']); print('ready', flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        eventually(lambda: len(line_processes(layout)) == 2, "two processes")
    finally:
        parent.kill()
        parent.communicate()
    eventually(lambda: line_processes(layout) == [], "no process")
