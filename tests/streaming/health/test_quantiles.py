"""The quantiles of the last minute, against the numbers themselves."""

import random
import statistics

import pytest

from include.streaming.health.quantiles import SLOTS, WINDOW_S, Window


class Clock:
    def __init__(self):
        self.s = 1_000.0

    def __call__(self):
        return self.s


def test_quantiles_are_right_to_five_percent():
    chance = random.Random(5)
    durations = [10 ** chance.uniform(-3, 3) for _ in range(20_000)]
    window = Window()

    window.add(durations)

    exact = statistics.quantiles(durations, n=100)
    for quantile, found in window.quantiles().items():
        assert found == pytest.approx(exact[round(quantile * 100) - 1], rel=0.05)
    assert window.count == len(durations)
    assert window.total_s == pytest.approx(sum(durations))


def test_what_is_older_than_the_window_no_longer_counts():
    clock = Clock()
    window = Window(clock)
    window.add([100.0] * 50)
    clock.s += WINDOW_S + WINDOW_S / SLOTS
    assert window.quantiles() == {}

    window.add([1.0])

    assert window.quantiles()[0.99] == pytest.approx(1.0, rel=0.05)


def test_holds_no_more_the_longer_it_runs():
    chance = random.Random(7)
    clock = Clock()
    window = Window(clock)
    for _ in range(2_000):
        clock.s += 1
        window.add(10 ** chance.uniform(-9, 12) for _ in range(100))

    held = [len(counts) for _, counts in window._slots]
    assert len(held) <= SLOTS
    assert max(held) <= 600


def test_a_time_before_its_event_counts_as_none():
    """
    Two clocks that differ give negative latencies.
    """
    window = Window()
    window.add([-5.0])

    assert window.quantiles()[0.5] < 0.001
    assert window.total_s == 0
