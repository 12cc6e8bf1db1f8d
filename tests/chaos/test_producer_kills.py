"""The producer killed again and again: all trades and candles, each once."""

import random

import pytest

from tests.chaos.pipeline import flow

KILLS = 20


@pytest.mark.fault(1)
@pytest.mark.slow
def test_killed_twenty_times_mid_send(pipeline, seed, story):
    chance = random.Random(seed)
    pipeline.told["POLL_INTERVAL_S"] = "0.1"
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    for _ in range(KILLS):
        published = pipeline.newest_snapshot_ms()
        pipeline.kill("producer")
        pipeline.start("producer")
        # The next one has taken over and is at work: at a random moment of that it is killed.
        pipeline.await_stored(published)
        flow(chance.uniform(0, 0.3))
    verdict = pipeline.settle()

    story.injected(f"{KILLS} SIGKILLs, each while it publishes")
    story.found(str(verdict))
    assert verdict.is_clean, verdict
