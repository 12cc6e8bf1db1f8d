"""The consumer that stands still: not ready, though nothing has failed."""

import pytest

from include.errors import Unavailable
from include.streaming.health.consumer import CONSUMING, STUCK_AFTER_S, ConsumerHealth
from include.streaming.health.deliveries import INFLUXDB, KAFKA


class Clock:
    now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(settings, clock):
    health = ConsumerHealth(settings, clock_s=clock)
    health.conditions.met(KAFKA)
    health.conditions.met(INFLUXDB)
    health.moves()
    return health


def why_not_ready(health):
    _, body = health.report()
    return body.get("reason")


def test_is_stuck_once_it_did_nothing_for_long(health, clock):
    clock.now_s += STUCK_AFTER_S
    assert why_not_ready(health) is None

    clock.now_s += 1

    assert f"stuck: nothing done for {STUCK_AFTER_S + 1:.0f} s" in why_not_ready(health)


def test_is_ready_again_once_it_moves(health, clock):
    clock.now_s += 2 * STUCK_AFTER_S
    assert why_not_ready(health) is not None

    health.moves()

    assert why_not_ready(health) is None


def test_one_that_tries_again_is_not_stuck_but_fails(health, clock):
    clock.now_s += STUCK_AFTER_S
    health.failed(Unavailable("InfluxDB: no answer", dependency="influxdb"))
    clock.now_s += 1

    assert why_not_ready(health).endswith("InfluxDB: no answer")
    assert health.conditions.states()[CONSUMING].reason == "InfluxDB: no answer"
