"""The endpoint alone: what it answers, and what it does where it cannot listen."""

import json
import socket

import pytest

from include.errors import Misconfigured
from include.settings import Settings
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.health.definitions import METRICS, PREFIX
from include.streaming.health.endpoint import serving
from include.streaming.health.producer import ProducerHealth
from tests.streaming.health.asking import get, healthz


@pytest.fixture
def port(free_ports):
    return free_ports.take()


@pytest.mark.parametrize("cls", [ProducerHealth, ConsumerHealth])
def test_metrics_are_those_of_the_definitions(cls, port):
    health = cls(Settings())
    with serving(health, "127.0.0.1", port):
        status, text = get(port, "/metrics")

    described = dict(
        line.removeprefix("# TYPE ").split() for line in text.splitlines() if "# TYPE" in line
    )
    own = {name: kind for name, kind in described.items() if name.startswith(PREFIX)}
    wanted = [metric for metric in METRICS if health.service in metric.services]
    assert status == 200
    assert own == {PREFIX + metric.name: metric.kind.value for metric in wanted}
    assert "process_resident_memory_bytes" in described


def test_healthz_says_what_is_not_well_and_since_when(port):
    health = ConsumerHealth(Settings())
    with serving(health, "127.0.0.1", port):
        status, body = healthz(port)
        assert status == 503
        assert body["reason"].count("not reached yet") == len(body["conditions"])

        for name in body["conditions"]:
            health.conditions.met(name)
        status, well = healthz(port)
        health.conditions.failed("kafka", "it is away")
        _, ill = healthz(port)
        health.conditions.failed("kafka", "it is still away")
        _, still_ill = healthz(port)

    assert status == 200
    assert (well["status"], well["reason"]) == ("ready", None)
    assert (ill["status"], ill["reason"]) == ("not ready", "kafka: it is away")
    assert ill["since"] > well["since"]
    assert still_ill["since"] == ill["since"]
    assert still_ill["reason"] == "kafka: it is still away"


def test_anything_else_is_404(port):
    with serving(ConsumerHealth(Settings()), "127.0.0.1", port):
        assert get(port, "/")[0] == 404
        assert get(port, "/metrics/../../etc/passwd")[0] == 404


def test_who_says_nothing_keeps_nobody_waiting(port):
    with (
        serving(ConsumerHealth(Settings()), "127.0.0.1", port),
        socket.create_connection(("127.0.0.1", port)),
    ):
        assert get(port, "/healthz")[0] == 503


def test_a_taken_port_is_the_users_to_change(port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with (
            pytest.raises(Misconfigured, match=r"PIPELINE_CONSUMER_HEALTH_PORT.* free port"),
            serving(ConsumerHealth(Settings()), "127.0.0.1", port),
        ):
            raise AssertionError("it serves")


def test_port_0_serves_nothing():
    with serving(ConsumerHealth(Settings()), "127.0.0.1", 0):
        pass


def test_reasons_are_json_whatever_they_hold(port):
    health = ConsumerHealth(Settings())
    health.conditions.failed("kafka", 'a "quote", a line\nand \u202e')
    with serving(health, "127.0.0.1", port):
        _, text = get(port, "/healthz")

    assert json.loads(text)["conditions"]["kafka"]["reason"] == 'a "quote", a line\nand \u202e'
