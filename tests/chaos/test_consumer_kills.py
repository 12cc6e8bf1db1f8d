"""The consumer killed again and again: the points of one that never stopped."""

import random

import pytest

from tests.chaos.pipeline import flow
from tests.streaming.consuming import offsets_saved, remove_members, wait_until_saved_further

KILLS = 20


@pytest.mark.fault(2)
@pytest.mark.slow
def test_killed_twenty_times_mid_batch(pipeline, seed, story):
    """
    The dead leave the group at once here, not only when their session is over.
    """
    chance = random.Random(seed)
    pipeline.told["POLL_INTERVAL_S"] = "0.2"
    pipeline.start("producer")
    for _ in range(KILLS):
        saved = offsets_saved(pipeline.settings)
        pipeline.start("consumer")
        wait_until_saved_further(pipeline.settings, saved)
        flow(chance.uniform(0, 0.5))
        pipeline.kill("consumer")
        remove_members(pipeline.settings)
    pipeline.start("consumer")
    verdict = pipeline.settle()

    story.injected(f"{KILLS} SIGKILLs, each some moments after a checkpoint")
    story.found(str(verdict))
    assert verdict.is_clean, verdict
