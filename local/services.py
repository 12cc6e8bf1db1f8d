"""The services of a line: what runs, how it is stopped, what it listens on."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.environment import SIMULATED
from local.grafana import installed_grafana
from local.grafana_config import grafana_command
from local.kafka_config import kafka_command
from local.layout import Layout
from local.ports import LOOPBACK, Ports
from local.postgres_config import postgres_command
from local.semaphores import with_semaphores

if TYPE_CHECKING:
    from local.install import Toolchain

SERVERS = ("kafka", "postgres", "influxdb")
SIMULATOR = "simulator"
GRAFANA = "grafana"
STREAM = ("producer", "consumer")
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")
# The batch side yields to the live side where both want the processor.
YIELDING = ("nice", "-n", "5")


@dataclass(frozen=True)
class Service:
    """
    One program under the supervisor.

    Attributes:
        ports: Names of the fields of Ports it listens on.
        stop_signal: What asks it to stop; every process of its group gets it.
        stop_wait_s: After that long it is killed.
        settled_s: An exit before that counts as a failed start, and the next try waits longer.
    """

    name: str
    command: list[str]
    ports: tuple[str, ...] = ()
    stop_signal: str = "TERM"
    stop_wait_s: int = 15
    settled_s: int = 5

    @property
    def is_server(self) -> bool:
        """Whether others need it to stop in good order: it is the last to go."""
        return self.name in SERVERS


def services(layout: Layout, ports: Ports, market: str, toolchain: "Toolchain") -> list[Service]:
    """Return all services of a line, servers first."""
    servers = _servers(layout, ports, toolchain)
    simulator = [_simulator(ports, toolchain.python)] if market == SIMULATED else []
    python = toolchain.python
    batch = [*_airflow(ports, python), *_grafana(layout)]
    return [*servers, *simulator, *_stream(python), *batch]


def _servers(layout: Layout, ports: Ports, toolchain: "Toolchain") -> list[Service]:
    data = layout.influxdb_data
    influxd = [str(toolchain.influxd), "--bolt-path", f"{data}/influxd.bolt"]
    influxd += ["--engine-path", f"{data}/engine", "--sqlite-path", f"{data}/influxd.sqlite"]
    influxd += ["--http-bind-address", f"{LOOPBACK}:{ports.influxdb}", "--reporting-disabled"]
    influxd += ["--pprof-disabled", "--log-level", "warn"]
    kafka = kafka_command(toolchain.java, toolchain.kafka_libs, layout)
    return [
        Service("kafka", kafka, ("kafka", "kafka_controller"), stop_wait_s=20),
        # INT: end open transactions and shut down; TERM would wait for all clients to leave.
        Service("postgres", postgres_command(toolchain.postgres, layout), ("postgres",), "INT", 20),
        # INT: it writes its caches; TERM ends it on the spot.
        Service("influxdb", influxd, ("influxdb",), "INT", 20),
    ]


def _simulator(ports: Ports, python: Path) -> Service:
    command = [str(python), "-m", "include.simulator", "--port", str(ports.simulator)]
    return Service(SIMULATOR, command, ("simulator",), stop_wait_s=5)


def _grafana(layout: Layout) -> list[Service]:
    grafana = installed_grafana()
    return [Service(GRAFANA, grafana_command(grafana, layout), ("grafana",))] if grafana else []


def _stream(python: Path) -> list[Service]:
    return [
        Service(name, [str(python), "-m", f"include.streaming.{name}"], (f"{name}_health",))
        for name in STREAM
    ]


def _airflow(ports: Ports, python: Path) -> list[Service]:
    airflow = [*YIELDING, str(python), "-m", "airflow"]
    listen = ["--host", LOOPBACK, "--port", str(ports.airflow), "--workers", "1"]
    # Task logs are read from the folder that all of these share: nobody needs to serve them.
    return [
        Service("api-server", [*airflow, "api-server", *listen], ("airflow",)),
        Service("scheduler", [*with_semaphores(), *airflow, "scheduler", "--skip-serve-logs"]),
        Service("dag-processor", [*airflow, "dag-processor"]),
        Service("triggerer", [*airflow, "triggerer", "--skip-serve-logs"]),
    ]
