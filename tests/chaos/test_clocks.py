"""An exchange whose clock is wrong, or jumps: its times are kept, our time-outs are our own."""

import time

import pytest

from include.simulator.generated_market import GeneratedMarket
from tests.chaos.pipeline import Pipeline
from tests.simulator.conftest import Served

HOUR_MS = 3_600_000


class WrongClock:
    """Off by *offset_ms*, which may jump."""

    def __init__(self, offset_ms):
        self.offset_ms = offset_ms

    def now_ms(self):
        return time.time_ns() // 1_000_000 + self.offset_ms

    def on_ticker_request(self):
        pass

    def until_ms(self):
        return None


@pytest.fixture
def clock():
    return WrongClock(0)


@pytest.fixture
def exchange_url(clock, seed):
    symbols = ("BTC/USDT", "ETH/USDT")
    served = Served(GeneratedMarket(clock, seed=seed, symbols=symbols, trades_per_minute=300))
    yield served.address
    served.close()


@pytest.mark.fault(21)
@pytest.mark.slow
@pytest.mark.parametrize("hours", [-1, 1])
def test_an_hour_off(hours, clock, pipeline: Pipeline, story):
    clock.offset_ms = hours * HOUR_MS
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    verdict = pipeline.settle()
    off_ms = pipeline.newest_snapshot_ms() - time.time_ns() // 1_000_000

    story.injected(f"the exchange's clock off by {hours} h")
    story.found(f"{verdict}; the newest snapshot is {off_ms / HOUR_MS:.2f} h off")
    assert off_ms == pytest.approx(hours * HOUR_MS, abs=HOUR_MS / 4)
    assert verdict.is_clean, verdict


@pytest.mark.fault(21)
@pytest.mark.slow
def test_jumping_ahead_and_back(clock, pipeline: Pipeline, story):
    """
    An hour passes at once; then the exchange repeats some seconds.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    clock.offset_ms += HOUR_MS
    pipeline.await_stored()
    furthest_ms = clock.now_ms()
    clock.offset_ms -= 15_000
    pipeline.await_stored(furthest_ms)  # the exchange has again what it had by then
    verdict = pipeline.settle()

    story.injected("the exchange's clock jumps 1 h ahead, then 15 s back")
    story.found(str(verdict))
    assert verdict.is_clean, verdict
