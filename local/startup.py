"""Start a line: each server, then what waits for it, all chains side by side."""

import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from include.errors import Exit, Misconfigured, PipelineError, Unavailable
from local import readiness
from local.airflow_config import POOLS, imported_pools, migrated_marker
from local.kafka_config import prepare_kafka
from local.layout import REPOSITORY, Layout
from local.ports import Ports
from local.postgres_config import prepare_postgres
from local.provision.influxdb import provision_influxdb
from local.provision.postgres import AIRFLOW as METADATA
from local.provision.postgres import (
    MARKET_OWNER,
    provision_postgres,
    show_runs,
    superuser,
)
from local.services import AIRFLOW, GRAFANA, SIMULATOR, STREAM, YIELDING
from local.supervisor import Supervisor

if TYPE_CHECKING:
    from local.install import Toolchain

SERVER_TIMEOUT_S = 60.0
AIRFLOW_TIMEOUT_S = 180.0

# What our modules mean by their exit codes.
FAILURES: Mapping[int, type[PipelineError]] = {
    Exit.MISCONFIGURED: Misconfigured,
    Exit.UNAVAILABLE: Unavailable,
}

type Report = Callable[[str], None]


class Startup:
    """
    One start of a line, its supervisor running already.

    Attributes:
        names: The services to start; steps for others are left out.
    """

    def __init__(
        self,
        layout: Layout,
        ports: Ports,
        toolchain: "Toolchain",
        names: Collection[str],
        environment: Mapping[str, str],
        report: Report,
    ) -> None:
        self._layout = layout
        self._ports = ports
        self._toolchain = toolchain
        self._names = frozenset(names)
        self._environment = environment
        self._report = report
        self._patience = readiness.Patience(layout)
        self._supervisor = Supervisor(layout)
        self._began_s = time.monotonic()

    def run(self) -> None:
        """
        Start everything; return when all that was asked for answers.

        Raises:
            PipelineError: The first thing that failed.
        """
        with ThreadPoolExecutor(8) as pool:
            servers = {
                "kafka": pool.submit(self._kafka),
                "influxdb": pool.submit(self._influxdb),
                SIMULATOR: pool.submit(self._simulator),
                "postgres": pool.submit(self._postgres),
            }
            tasks = [
                *servers.values(),
                pool.submit(self._stream, [servers[n] for n in ("kafka", "influxdb", SIMULATOR)]),
                pool.submit(self._market_tables, servers["postgres"]),
                pool.submit(self._airflow, servers["postgres"]),
                pool.submit(self._grafana, [servers["influxdb"], servers["postgres"]]),
            ]
            try:
                done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
            finally:  # Ctrl-C too: the pool's threads must come to an end
                self._patience.abandoned.set()
        raise_first(done)

    def _kafka(self) -> None:
        if "kafka" not in self._names:
            return
        prepare_kafka(self._toolchain.java, self._toolchain.kafka_libs, self._layout, self._ports)
        self._start("kafka", lambda: readiness.kafka_answers(self._ports))
        self._once("topics", "include.broker.topics")

    def _influxdb(self) -> None:
        if "influxdb" not in self._names:
            return
        self._start("influxdb", lambda: readiness.influxdb_answers(self._ports))
        provision_influxdb(self._layout, self._ports)

    def _postgres(self) -> None:
        if "postgres" not in self._names:
            return
        prepare_postgres(self._toolchain.postgres, self._layout, self._ports)
        self._start("postgres", lambda: readiness.postgres_answers(self._layout, self._ports))
        provision_postgres(self._layout, self._ports)

    def _simulator(self) -> None:
        if SIMULATOR in self._names:
            self._start(SIMULATOR, lambda: readiness.simulator_answers(self._ports))

    def _stream(self, needed: Collection["Future[None]"]) -> None:
        for future in needed:
            future.result()
        if names := [name for name in STREAM if name in self._names]:
            self._supervisor.start_services(names)
            self._say(f"{' and '.join(names)} started")

    def _market_tables(self, postgres: "Future[None]") -> None:
        postgres.result()
        if "postgres" in self._names:
            passfile = str(self._layout.pgpass(MARKET_OWNER))
            owner = {"PIPELINE_POSTGRES_USER": MARKET_OWNER, "PIPELINE_POSTGRES_PASSFILE": passfile}
            self._once("migrations", "include.warehouse.migrations", environment=owner)

    def _airflow(self, postgres: "Future[None]") -> None:
        postgres.result()
        names = tuple(name for name in AIRFLOW if name in self._names)
        if not names:
            return
        marker, release = migrated_marker(self._layout), version("apache-airflow-core")
        if not marker.exists() or marker.read_text(encoding="ascii") != release:
            self._once("airflow-migrate", "airflow", "db", "migrate")
            marker.write_text(release, encoding="ascii")
        with superuser(self._layout, self._ports, METADATA) as connection:
            show_runs(connection)
        self._supervisor.start_services(names)
        imported = imported_pools(self._layout)
        if not imported.exists() or imported.read_bytes() != POOLS.read_bytes():
            self._once("airflow-pools", "airflow", "pools", "import", str(POOLS))
            shutil.copyfile(POOLS, imported)
        self._patience.wait(
            names, lambda: not readiness.airflow_ailing(self._ports), AIRFLOW_TIMEOUT_S
        )
        self._say("airflow is healthy")

    def _grafana(self, needed: Collection["Future[None]"]) -> None:
        """Start it once the token and the passwords it reads at its own start are there."""
        for future in needed:
            future.result()
        if GRAFANA in self._names:
            self._start(GRAFANA, lambda: readiness.grafana_answers(self._layout, self._ports))

    def _start(self, name: str, answers: readiness.Question) -> None:
        self._supervisor.start_services([name])
        self._patience.wait((name,), answers, SERVER_TIMEOUT_S)
        self._say(f"{name} answers")

    def _once(
        self, name: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        if self._patience.abandoned.is_set():
            raise Unavailable("given up")
        command = [str(self._toolchain.python), "-m", module, *arguments]
        if module == "airflow":
            command = [*YIELDING, *command]
        run_once(command, {**self._environment, **(environment or {})}, self._layout.log(name))
        self._say(f"{name} done")

    def _say(self, text: str) -> None:
        self._report(f"{time.monotonic() - self._began_s:5.1f} s  {text}")


def run_once(command: list[str], environment: Mapping[str, str], log: Path) -> None:
    """
    Run a command to its end, its output going to `log`.

    Raises:
        PipelineError: It failed, Misconfigured if a person must act, Unavailable if a server is
            away; the message has its last line.
    """
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            command, env=dict(environment), cwd=REPOSITORY,
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if done.returncode != 0:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        error = FAILURES.get(done.returncode, PipelineError)
        raise error(f"{log.stem} failed: {' '.join(said) or 'it said nothing'} ({log})")


def raise_first(done: Collection["Future[None]"]) -> None:
    """Raise what failed, a cause before those that only waited for it."""
    errors = [error for future in done if (error := future.exception()) is not None]
    errors.sort(key=lambda error: isinstance(error, Unavailable))
    if errors:
        raise errors[0]
