"""Start supervisord and talk to it, over a socket only this user can open."""

import shutil
import subprocess
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from include.errors import PipelineError, Unavailable
from local.layout import REPOSITORY, Layout
from local.supervisor_config import config_file

START_TIMEOUT_S = 15.0
POLL_S = 0.1
AT_REST = ("STOPPED", "EXITED", "FATAL")


@dataclass(frozen=True)
class ServiceState:
    """What the supervisor knows of a service; `pid` is 0 when it does not run."""

    name: str
    state: str
    pid: int
    started_s: float
    exit_code: int
    problem: str


class Supervisor:
    """One line's supervisor."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, python: Path, environment: Mapping[str, str], *, detached: bool) -> None:
        """
        Start supervisord; return when it answers. Its services inherit `environment`.

        Detached, it is a daemon that outlives this process. Else it is our child, which ends with
        us however we end, where setpriv is there to arrange that.

        Raises:
            PipelineError: It does not start; the message says why.
        """
        command = [str(python), "-m", "local.supervisord", "-c", str(config_file(self._layout))]
        if not detached:
            command.append("--nodaemon")
            if setpriv := shutil.which("setpriv"):
                command = [setpriv, "--pdeathsig", "TERM", *command]
        output = self._layout.log("supervisord-start")
        with output.open("w") as file:
            self._child = process = subprocess.Popen(
                command, cwd=REPOSITORY, env=dict(environment), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            failed = process.poll() not in (None, 0)
            if failed or time.monotonic() > give_up_s:
                said = output.read_text(encoding="utf-8").strip().splitlines()[-1:]
                raise PipelineError(f"supervisord did not start: {' '.join(said)} ({output})")
            time.sleep(POLL_S)
        if detached:
            process.wait()

    def answers(self) -> bool:
        """Return whether the supervisor runs."""
        try:
            return bool(self._call("getState"))
        except Unavailable:
            return False

    def pid(self) -> int:
        """
        Return the process id of the running supervisor.

        Raises:
            Unavailable: It does not run.
        """
        return int(self._call("getPID"))

    def start_services(self, names: Iterable[str]) -> None:
        """Start services that do not run; do not wait for them."""
        for name in names:
            self._tolerate(Faults.ALREADY_STARTED, "startProcess", name, False)

    def stop_services(self, names: Iterable[str], timeout_s: float) -> None:
        """Stop services side by side; return when all are at rest, or after `timeout_s`."""
        names = list(names)
        for name in names:
            self._tolerate(Faults.NOT_RUNNING, "stopProcess", name, False)
        give_up_s = time.monotonic() + timeout_s
        while time.monotonic() < give_up_s:
            if all(s.state in AT_REST for s in self.states() if s.name in names):
                return
            time.sleep(POLL_S)

    def states(self) -> list[ServiceState]:
        """
        Return the state of every service, in no particular order.

        Raises:
            Unavailable: The supervisor does not run.
        """
        return [
            ServiceState(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                started_s=info["start"],
                exit_code=info["exitstatus"],
                problem=info["spawnerr"],
            )
            for info in self._call("getAllProcessInfo")
        ]

    def shut_down(self) -> None:
        """Ask the supervisor to stop what still runs, and itself."""
        self._tolerate(Faults.SHUTDOWN_STATE, "shutdown")

    def reap(self) -> None:
        """Take note that a supervisor of ours has ended."""
        if self._child is not None:
            self._child.wait(timeout=START_TIMEOUT_S)

    def _tolerate(self, fault: int, method: str, *arguments: object) -> None:
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault as e:
            if e.faultCode != fault:
                raise PipelineError(f"supervisord, {method} {arguments}: {e.faultString}") from e

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            socket = self._layout.socket_record.read_text(encoding="utf-8")
            transport = SupervisorTransport(None, None, f"unix://{socket}")
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, xmlrpc.client.ProtocolError) as e:
            raise Unavailable(f"the supervisor of {self._layout.root} does not answer: {e}") from e
