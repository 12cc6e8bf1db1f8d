"""
A static member gets its partitions back at once after a kill, and gives them up when it stops.

The session is longer than the tests: a test that waited for its end would fail.
"""

import socket
import subprocess
import sys

import pytest

from include.broker.group_member import get_instance_id
from tests.streaming import market
from tests.streaming.consuming import (
    BackgroundPublisher,
    offsets_saved,
    wait_for_members,
    wait_until_saved_further,
)

LONG_SESSION = """
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
        environment = {**pipeline_environment, "PIPELINE_CONSUMER_HEALTH_PORT": str(port)}
        with (tmp_path / f"consumer{number}.log").open("ab") as log:
            running.append(
                subprocess.Popen([sys.executable, "-c", LONG_SESSION], env=environment, stderr=log)
            )
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.wait()


def test_a_killed_member_gets_its_partitions_back_at_once(settings, start):
    with BackgroundPublisher(settings, market.stream()):
        killed = start(1)
        wait_until_saved_further(settings, {})
        killed.kill()
        killed.wait()

        back = start(1)
        wait_until_saved_further(settings, offsets_saved(settings))

        assert back.poll() is None
        wait_for_members(settings, 1)


def test_a_stopped_member_leaves_its_partitions_to_the_others(settings, start):
    with BackgroundPublisher(settings, market.stream()):
        stopped, other = start(1), start(2)
        wait_for_members(settings, 2)
        wait_until_saved_further(settings, {})
        stopped.terminate()
        assert stopped.wait(10) == 0

        wait_for_members(settings, 1)
        wait_until_saved_further(settings, offsets_saved(settings))
        assert other.poll() is None


def test_the_instance_id_is_host_and_port(settings):
    configured = settings.model_copy(update={"consumer_health_port": 18092})

    assert get_instance_id(configured) == f"{socket.gethostname()}-18092"
    assert get_instance_id(settings) is None
