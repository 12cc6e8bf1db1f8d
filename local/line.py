"""A line: one running instance of everything, in a folder of its own."""

import fcntl
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from include.errors import Misconfigured, Unavailable
from local.airflow_config import prepare_airflow
from local.credentials import create_secrets
from local.environment import public_environment, service_environment
from local.grafana_config import prepare_grafana
from local.layout import Layout
from local.ports import Ports
from local.processes import end_processes, line_processes
from local.semaphores import require_semaphores
from local.services import AIRFLOW, Service, services
from local.startup import Report, Startup
from local.supervisor import Supervisor
from local.supervisor_config import config_file, supervisor_config

if TYPE_CHECKING:
    from local.install import Toolchain

SUPERVISOR_EXIT_S = 30.0


class Line:
    """
    Everything of one line: what it is made of, and how it is started and stopped.

    Attributes:
        layout: Its folders and files.
        ports: Where its servers listen.
        market: "live" or "simulated".
        supervisor: For a closer look at single services.
    """

    def __init__(
        self,
        root: Path,
        ports: Ports,
        market: str,
        toolchain: "Toolchain",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.layout = Layout(root.resolve())
        self.ports = ports
        self.market = market
        self.supervisor = Supervisor(self.layout)
        self._toolchain = toolchain
        self._settings = dict(settings or {})

    @classmethod
    def load(cls, root: Path, toolchain: "Toolchain") -> Self | None:
        """Return the line as it was last started there; None if it never was."""
        try:
            record = json.loads(Layout(root.resolve()).record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        ports = Ports(**record["ports"])
        return cls(root, ports, record["market"], toolchain, record["settings"])

    @property
    def services(self) -> list[Service]:
        return services(self.layout, self.ports, self.market, self._toolchain)

    def environment(self) -> dict[str, str]:
        """Return what a program needs to work against this line; addresses, never secrets."""
        return public_environment(
            self.layout, self.ports, self.market, self._settings, self._toolchain
        )

    def is_running(self) -> bool:
        """Return whether the line's supervisor runs."""
        return self.supervisor.answers()

    def prepare(self) -> None:
        """
        Make folders, secrets and configuration files; keep what was generated before.

        The servers' own storage is prepared by `start`, beside what already starts.

        Raises:
            Misconfigured: The folder or the temporary folder cannot be used.
        """
        self.layout.create()
        create_secrets(self.layout, self.ports)
        prepare_airflow(self.layout, self.ports)
        prepare_grafana(self.layout, self.ports)
        socket = self.layout.control_socket()
        self.layout.socket_record.write_text(str(socket), encoding="utf-8")
        text = supervisor_config(self.layout, socket, self.services)
        config_file(self.layout).write_text(text, encoding="utf-8")
        record = {"market": self.market, "ports": asdict(self.ports), "settings": self._settings}
        self.layout.record.write_text(json.dumps(record, indent=1), encoding="utf-8")

    def start(
        self,
        names: Collection[str] | None = None,
        *,
        detached: bool = True,
        report: Report = lambda text: None,
    ) -> None:
        """
        Start the named services, or all; return when they answer. On failure all are stopped.

        Detached, the line outlives this process; else it ends with it.

        Raises:
            Misconfigured: It runs already, or a port is taken.
            PipelineError: Something does not start; the message says what, why, and names its log.
        """
        wanted = [s for s in self.services if names is None or s.name in names]
        with self._locked():
            if self.is_running():
                raise Misconfigured(f"{self.layout.root} is already running: stop it first")
            end_processes(line_processes(self.layout))  # left by a supervisor that was killed
            self.ports.require_free(port for service in wanted for port in service.ports)
            if any(service.name in AIRFLOW for service in wanted):
                require_semaphores()
            self.layout.require_space()
            self.prepare()
            environment = service_environment(self.layout, self.environment())
            try:
                python = self._toolchain.python
                self.supervisor.start(python, environment, detached=detached)
                Startup(
                    self.layout,
                    self.ports,
                    self._toolchain,
                    [service.name for service in wanted],
                    environment,
                    report,
                ).run()
            except BaseException:
                self._stop()
                raise

    def stop(self) -> bool:
        """
        Stop everything and return when it is gone; return whether anything ran.

        Also ends what a killed supervisor left behind.
        """
        if not self.layout.run.is_dir():
            return False
        with self._locked():
            return self._stop()

    def _stop(self) -> bool:
        ran = self.is_running()
        if ran:
            self._stop_supervised()
        leftovers = line_processes(self.layout)
        end_processes(leftovers)
        self.supervisor.reap()
        self.layout.remove_socket()
        return ran or bool(leftovers)

    def _stop_supervised(self) -> None:
        """Stop the clients, then the servers, then the supervisor."""
        try:
            daemon = psutil.Process(self.supervisor.pid())
            for group in (False, True):
                members = [s for s in self.services if s.is_server is group]
                patience_s = max(s.stop_wait_s for s in members) + 5.0
                self.supervisor.stop_services([s.name for s in members], patience_s)
            self.supervisor.shut_down()
            psutil.wait_procs([daemon], timeout=SUPERVISOR_EXIT_S)
        except (Unavailable, psutil.NoSuchProcess):  # it went away meanwhile: sweep
            return

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the line's lock, so that two commands never start and stop it at once."""
        self.layout.create()
        with (self.layout.run / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise Misconfigured(
                    f"another command is starting or stopping {self.layout.root}: wait for it"
                ) from e
            yield
