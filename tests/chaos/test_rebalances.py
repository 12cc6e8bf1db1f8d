"""Consumers join and leave while data flows: one owner of each partition counts."""

import pytest

from tests.streaming.consuming import wait_for_members


@pytest.mark.fault(8)
@pytest.mark.slow
@pytest.mark.parametrize("leaving", ["asked to", "killed"])
def test_one_then_three_then_one(leaving, pipeline, story):
    pipeline.told["POLL_INTERVAL_S"] = "0.2"
    pipeline.start("producer")
    pipeline.start("consumer")
    pipeline.await_stored()
    for number, name in enumerate(("consumer 2", "consumer 3"), 2):
        pipeline.start(name)
        wait_for_members(pipeline.settings, number)
        pipeline.await_stored()
    leave = pipeline.stop if leaving == "asked to" else pipeline.kill
    for number, name in enumerate(("consumer 2", "consumer 3")):
        leave(name)
        wait_for_members(pipeline.settings, 2 - number)  # the dead stay for their session's 6 s
        pipeline.await_stored()
    verdict = pipeline.settle()

    story.injected(f"consumers: 1, 2, 3, 2, 1, each {leaving} leave")
    story.found(str(verdict))
    assert verdict.is_clean, verdict
