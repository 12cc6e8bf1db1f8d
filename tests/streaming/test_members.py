"""
A consumer that the group knows again: back at once when killed, gone at once when it is stopped.

Its session is longer than the test has patience: whoever waited for it to be over would fail.
"""

import socket
import subprocess
import sys

import pytest

from include.broker.group_member import instance_of
from tests.streaming import market
from tests.streaming.consuming import (
    Flowing,
    offsets_saved,
    wait_for_members,
    wait_until_saved_further,
)

PATIENT = """
from include.broker import group_member
group_member.SESSION_TIMEOUT_MS = 600_000
from include.streaming.consumer import main
raise SystemExit(main())
"""


@pytest.fixture
def start(settings, pipeline_environment, free_ports, tmp_path):
    """Return a function that starts a consumer by its number; all end with the test."""
    ports, running = {}, []

    def started(number):
        port = ports.setdefault(number, free_ports.take())
        told = {**pipeline_environment, "PIPELINE_CONSUMER_HEALTH_PORT": str(port)}
        with (tmp_path / f"consumer{number}.log").open("ab") as log:
            running.append(subprocess.Popen([sys.executable, "-c", PATIENT], env=told, stderr=log))
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.wait()


def test_one_that_was_killed_has_its_partitions_at_once(settings, start):
    with Flowing(settings, market.stream()):
        killed = start(1)
        wait_until_saved_further(settings, {})
        killed.kill()
        killed.wait()

        back = start(1)
        wait_until_saved_further(settings, offsets_saved(settings))

        assert back.poll() is None
        wait_for_members(settings, 1)


def test_one_that_is_stopped_leaves_its_partitions_to_the_others(settings, start):
    with Flowing(settings, market.stream()):
        stopped, other = start(1), start(2)
        wait_for_members(settings, 2)
        wait_until_saved_further(settings, {})
        stopped.terminate()
        assert stopped.wait(10) == 0

        wait_for_members(settings, 1)
        wait_until_saved_further(settings, offsets_saved(settings))
        assert other.poll() is None


def test_the_group_calls_it_by_host_and_port(settings):
    told = settings.model_copy(update={"consumer_health_port": 18092})

    assert instance_of(told) == f"{socket.gethostname()}-18092"
    assert instance_of(settings) is None
