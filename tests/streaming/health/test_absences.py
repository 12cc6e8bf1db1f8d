"""
Row 5 of the faults, the live half: a service starts whoever is away, says who, and recovers.

Real servers, stopped and killed one by one; the services run under the line's supervisor.
"""

import pytest

from local.environment import SIMULATED
from local.line import Line
from local.services import SERVERS, SIMULATOR, STREAM
from local.status import service_statuses
from tests.chaos.servers import Servers
from tests.streaming.health.asking import wait_until_failing, wait_until_ready

SETTINGS = {
    "PIPELINE_POLL_INTERVAL_S": "0.5",
    "PIPELINE_HISTORY_BARS": "20",
    "PIPELINE_HEALTH_INTERVAL_S": "0.5",
}
TIMEOUT_S = 120.0
NEEDED = [
    ("producer", "kafka", "kafka"),
    ("producer", SIMULATOR, "binance"),
    ("consumer", "kafka", "kafka"),
    ("consumer", "influxdb", "influxdb"),
]


@pytest.fixture(scope="module")
def servers(toolchain, free_ports, tmp_path_factory):
    root = tmp_path_factory.mktemp("absences")
    line = Line(root, free_ports.ports(), SIMULATED, toolchain, SETTINGS)
    try:
        line.start([*SERVERS, SIMULATOR], detached=False)
        yield Servers(line)
    finally:
        line.stop()


@pytest.fixture
def line(servers):
    """Yield the line, its servers up and its services down; so it is left."""
    yield servers.line
    servers.line.supervisor.stop_services(STREAM, TIMEOUT_S)
    servers.line.supervisor.start_services([*SERVERS, SIMULATOR])
    for name in SERVERS:
        servers.await_answer(name)


def health_port(line, service):
    return getattr(line.ports, f"{service}_health")


def status(line, service):
    return next(s for s in service_statuses(line) if s.name == service)


def pid(line, service):
    return status(line, service).pid


@pytest.mark.fault(5)
@pytest.mark.parametrize(("service", "away", "condition"), NEEDED)
def test_absent_at_start(line, service, away, condition, story):
    line.supervisor.stop_services([away], TIMEOUT_S)
    line.supervisor.start_services([service])
    body = wait_until_failing(health_port(line, service), condition)
    ill = status(line, service)

    line.supervisor.start_services([away])
    other = {"producer": "consumer", "consumer": "producer"}[service]
    line.supervisor.start_services([other])
    wait_until_ready(health_port(line, service), TIMEOUT_S)

    story.injected(f"{away} absent when the {service} starts")
    story.found(f"/healthz: {body['reason'][:120]}; then ready")
    assert condition in body["reason"]
    assert condition in ill.note
    assert ill.is_ready is False
    assert status(line, service).is_ready
    assert pid(line, service) == ill.pid


@pytest.mark.slow
@pytest.mark.parametrize(("service", "away", "condition"), NEEDED)
def test_gone_while_it_runs(line, service, away, condition):
    line.supervisor.start_services(STREAM)
    wait_until_ready(health_port(line, service), TIMEOUT_S)
    started = pid(line, service)

    line.supervisor.stop_services([away], TIMEOUT_S)
    wait_until_failing(health_port(line, service), condition, timeout_s=TIMEOUT_S)
    line.supervisor.start_services([away])
    wait_until_ready(health_port(line, service), TIMEOUT_S)

    assert pid(line, service) == started


@pytest.mark.fault(5)
@pytest.mark.slow
def test_all_absent_at_start(line, story):
    line.supervisor.stop_services([*SERVERS, SIMULATOR], TIMEOUT_S)
    line.supervisor.start_services(STREAM)
    reasons = [
        wait_until_failing(health_port(line, "producer"), "kafka", "Kafka at")["reason"],
        wait_until_failing(health_port(line, "consumer"), "influxdb", "InfluxDB at")["reason"],
    ]
    started = {service: pid(line, service) for service in STREAM}

    line.supervisor.start_services([*SERVERS, SIMULATOR])
    for service in STREAM:
        wait_until_ready(health_port(line, service), TIMEOUT_S)

    story.injected("all servers absent when the services start")
    story.found(f"/healthz: {' | '.join(reason[:80] for reason in reasons)}; then ready")
    assert {service: pid(line, service) for service in STREAM} == started
