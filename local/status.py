"""What runs in a line: state, age, memory, addresses."""

import time
from dataclasses import dataclass

from include.errors import Exit
from local.grafana import HOW_TO_GET, installed_grafana
from local.line import Line
from local.ports import LOOPBACK
from local.processes import memory_bytes
from local.readiness import health_of, last_complaint, last_line
from local.services import STREAM
from local.supervisor import AT_REST, ServiceState

FAILING = ("BACKOFF", "EXITED", "FATAL")


@dataclass(frozen=True)
class ServiceStatus:
    """
    One service as a person wants to see it.

    Attributes:
        uptime_s: 0 if it does not run.
        memory_bytes: With its child processes; 0 if it does not run.
        note: Why it does not run, what is not well, or what it complains of; else empty.
        is_ready: Whether its /healthz says so; None of a service that has none.
    """

    name: str
    state: str
    pid: int
    uptime_s: float
    memory_bytes: int
    note: str
    is_ready: bool | None = None


def service_statuses(line: Line) -> list[ServiceStatus]:
    """
    Return the status of each service, in the line's order.

    Raises:
        Unavailable: The line does not run.
    """
    found = {state.name: state for state in line.supervisor.states()}
    return [_status(line, found[s.name]) for s in line.services if s.name in found]


def addresses(line: Line) -> list[tuple[str, str]]:
    """Return what a person can open, and where its password is."""
    secrets, ports = line.layout.secrets, line.ports
    grafana = f"http://{LOOPBACK}:{ports.grafana}  admin, {secrets}/grafana_admin_password"
    return [
        ("Grafana", grafana if installed_grafana() else HOW_TO_GET),
        ("Airflow", f"http://{LOOPBACK}:{ports.airflow}  admin, {secrets}/airflow_passwords.json"),
        ("InfluxDB", f"http://{LOOPBACK}:{ports.influxdb}  {secrets}/influx_reader_token"),
        ("PostgreSQL", f"{LOOPBACK}:{ports.postgres} database market  "
                       f"market_reader, {secrets}/market_reader.pgpass"),
        ("Kafka", f"{LOOPBACK}:{ports.kafka}"),
        ("Logs", str(line.layout.logs)),
    ]  # fmt: skip


def render(line: Line) -> str:
    """Return the table that `make status` prints."""
    rows = [f"{'service':<14}{'state':<14}{'up':>10}{'pid':>9}{'memory':>10}  note"]
    statuses = service_statuses(line)
    rows += [
        f"{s.name:<14}{s.state.lower():<14}{_age(s.uptime_s):>10}{s.pid or '-':>9}"
        f"{s.memory_bytes / 2**20:>7.0f} MB  {_told(s)}".rstrip()
        for s in statuses
    ]
    total = sum(s.memory_bytes for s in statuses) / 2**20
    rows += [f"{'':<47}{total:>7.0f} MB", ""]
    return "\n".join(rows + [f"{name:<14}{where}" for name, where in addresses(line)])


def failing(line: Line) -> list[str]:
    """Return a line for each service that does not run though it should."""
    return [f"{s.name}: {s.note}" for s in service_statuses(line) if s.state in FAILING]


def complaining(line: Line) -> list[str]:
    """Return a line for each service that runs and says that something is wrong."""
    statuses = service_statuses(line)
    return [f"{s.name}: {s.note}" for s in statuses if s.note and s.state not in FAILING]


def misconfigured(line: Line) -> list[str]:
    """Return a line for each service that ended because a setting is wrong."""
    states = line.supervisor.states() if line.is_running() else []
    return [
        f"{s.name}: {last_line(line.layout, s.name)}"
        for s in states
        if s.state in FAILING and s.exit_code == Exit.MISCONFIGURED
    ]


def _status(line: Line, state: ServiceState) -> ServiceStatus:
    if state.state in AT_REST or not state.pid:
        return ServiceStatus(state.name, state.state, 0, 0.0, 0, _note(line, state))
    uptime_s = max(0.0, time.time() - state.started_s)
    memory = memory_bytes(state.pid)
    note = last_complaint(line.layout, state.name)
    is_ready = None
    if state.name in STREAM:
        health = health_of(getattr(line.ports, f"{state.name}_health"))
        is_ready = health == "ready"
        note = "" if is_ready else health or note
    return ServiceStatus(state.name, state.state, state.pid, uptime_s, memory, note, is_ready)


def _told(status: ServiceStatus) -> str:
    if status.is_ready is None:
        return status.note
    return "ready" if status.is_ready else f"not ready: {status.note or 'it does not answer'}"


def _note(line: Line, state: ServiceState) -> str:
    if state.state not in FAILING:
        return ""
    is_final = state.exit_code == Exit.MISCONFIGURED
    why = "misconfigured" if is_final else "tried again soon"
    return f"{why}: {last_line(line.layout, state.name)}"


def _age(seconds: float) -> str:
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if hours:
        return f"{hours} h {minutes % 60:02} m"
    return f"{minutes} m {int(seconds) % 60:02} s" if minutes else f"{int(seconds)} s"
