"""Whether a server answers: asked in its own protocol, until it does, or clearly will not."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from threading import Event
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaConnectionError, KafkaTimeoutError

from include.dashboards.files import provisioned
from include.errors import PipelineError, Unavailable
from local.credentials import basic_authorization, read_secret
from local.layout import Layout
from local.ports import LOOPBACK, Ports, is_free
from local.provision.postgres import superuser
from local.supervisor import Supervisor

POLL_S = 0.15
HTTP_TIMEOUT_S = 5.0
AIRFLOW_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
DEAD = ("BACKOFF", "EXITED", "FATAL", "STOPPED")

type Question = Callable[[], bool]


def kafka_answers(ports: Ports) -> bool:
    if is_free(ports.kafka):  # nobody listens: do not make a client wait
        return False
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=f"{LOOPBACK}:{ports.kafka}",
            bootstrap_timeout_ms=5_000,
        )
        try:
            admin.list_topics()
        finally:
            admin.close()
    except (KafkaConnectionError, KafkaTimeoutError, OSError):
        return False
    return True


def postgres_answers(layout: Layout, ports: Ports) -> bool:
    try:
        with superuser(layout, ports) as connection:
            connection.execute("SELECT 1")
    except Unavailable:
        return False
    return True


def influxdb_answers(ports: Ports) -> bool:
    return _get(f"http://{LOOPBACK}:{ports.influxdb}/health").get("status") == "pass"


def grafana_answers(layout: Layout, ports: Ports) -> bool:
    """
    Return whether Grafana answers and has all that is provisioned.

    Without its files Grafana answers too, and shows nothing. An administrator who changed the
    password takes the answer alone: five refused passwords lock the account.
    """
    address = f"http://{LOOPBACK}:{ports.grafana}"
    if _get(f"{address}/api/health").get("database") != "ok":
        return False
    login = basic_authorization("admin", read_secret(layout, "grafana_admin_password"))

    def status_of(path: str) -> int:
        return _request(address + path, Authorization=login)[0]

    if status_of("/api/org") == HTTPStatus.UNAUTHORIZED:
        return True
    return all(status_of(path) == HTTPStatus.OK for path in provisioned())


def simulator_answers(ports: Ports) -> bool:
    return "serverTime" in _get(f"http://{LOOPBACK}:{ports.simulator}/api/v3/time")


def health_of(port: int) -> str:
    """Return what one of our services says of itself: "ready", or what is not; "" if nothing."""
    found = _get(f"http://{LOOPBACK}:{port}/healthz")
    return " ".join(str(found.get("reason") or found.get("status") or "").split())[:300]


def airflow_ailing(ports: Ports) -> list[str]:
    """Return the parts of Airflow that are not healthy yet."""
    health = _get(f"http://{LOOPBACK}:{ports.airflow}/api/v2/monitor/health")
    return [part for part in AIRFLOW_PARTS if health.get(part, {}).get("status") != "healthy"]


class Patience:
    """Waiting for the services of one line, until something fails."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._supervisor = Supervisor(layout)
        self.abandoned = Event()

    def wait(self, services: tuple[str, ...], answers: Question, timeout_s: float) -> None:
        """
        Return when `answers` says so.

        Raises:
            PipelineError: One of the services died or they took too long; the message ends with
                the last line of its log and where that is.
            Unavailable: Another part of the start failed.
        """
        give_up_s = time.monotonic() + timeout_s
        while not answers():
            if self.abandoned.wait(POLL_S):
                raise Unavailable("given up")
            for state in self._supervisor.states():
                if state.name in services and state.state in DEAD:
                    raise PipelineError(self._failure(state.name, "does not start"))
            if time.monotonic() > give_up_s:
                problem = f"does not answer after {timeout_s:.0f} s"
                raise PipelineError(self._failure(services[0], problem))

    def _failure(self, service: str, problem: str) -> str:
        log = self._layout.log(service)
        return f"{service} {problem}: {last_line(self._layout, service)} (log: {log})"


def last_line(layout: Layout, service: str) -> str:
    """Return the last thing a service said, shortened; a note if it said nothing."""
    line = _last(layout, service)
    said = _logged(line)
    return (_plain(said) if said else line)[:300] or "it said nothing"


def _last(layout: Layout, service: str) -> str:
    try:
        with layout.log(service).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1] if lines else ""


def last_complaint(layout: Layout, service: str) -> str:
    """Return what one of our services last said, if that was a warning or an error; else ""."""
    said = _logged(_last(layout, service))
    return _plain(said)[:300] if said.get("level") in ("warning", "error") else ""


def _plain(said: dict[str, object]) -> str:
    return str(said.get("error") or said.get("event"))


def _logged(line: str) -> dict[str, object]:
    """Return the fields of a line that one of our services logged as JSON; none of another."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


class _Answers(urllib.request.HTTPErrorProcessor):
    """Take a 503 for the answer it is: its body says why."""

    def http_response(self, request: object, response: Any) -> Any:
        return response


def _get(url: str) -> dict[str, Any]:
    """Return the JSON object at an address, {} if there is none."""
    _, body = _request(url)
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _request(url: str, **headers: str) -> tuple[int, bytes]:
    """Return the status and the body of an answer, 0 and nothing if there is none."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the stack's own address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Answers())
    try:
        with opener.open(request, timeout=HTTP_TIMEOUT_S) as answer:
            return answer.status, answer.read()
    except OSError:
        return 0, b""
