"""Consumers that are killed, frozen, or joined store the points of an uninterrupted one."""

import random
import signal

import pytest

from tests.streaming import market
from tests.streaming.consuming import (
    BackgroundPublisher,
    RunningConsumer,
    compute_points,
    consumer_process,
    offsets_saved,
    remove_members,
    wait_for_members,
    wait_until_saved,
    wait_until_saved_further,
)


@pytest.mark.fault(2)
def test_repeated_sigkill(settings, bucket, pipeline_environment, tmp_path):
    """
    Row 2 of the faults, the short version: each kill comes after a checkpoint and some more points.
    """
    chance = random.Random(2)
    with BackgroundPublisher(settings, market.stream()):
        for _ in range(4):
            saved = offsets_saved(settings)
            with consumer_process(pipeline_environment, tmp_path) as process:
                wait_until_saved_further(settings, saved)
                bucket.wait_for(bucket.count() + chance.randrange(1, 60))
                assert process.poll() is None
                process.kill()
            remove_members(settings)
    with RunningConsumer(settings):
        wait_until_saved(settings)

    assert bucket.stored() == compute_points(settings)


@pytest.mark.fault(8)
def test_one_then_two_then_one(settings, bucket):
    """
    Row 8, the short version: each partition's state moves from owner to owner.
    """
    with BackgroundPublisher(settings, market.stream()), RunningConsumer(settings) as first:
        bucket.wait_for(40)
        with RunningConsumer(settings) as second:
            wait_for_members(settings, 2)
            bucket.wait_for(bucket.count() + 40)
            first.stop()
            wait_for_members(settings, 1)
            bucket.wait_for(bucket.count() + 40)
    with RunningConsumer(settings):
        wait_until_saved(settings)

    assert (first.failure, second.failure) == (None, None)
    assert bucket.stored() == compute_points(settings)


@pytest.mark.fault(9)
def test_a_consumer_frozen_for_longer_than_its_session(
    settings, bucket, pipeline_environment, tmp_path
):
    """
    Row 9: it continues, has lost its partitions, and joins again.
    """
    with (
        BackgroundPublisher(settings, market.stream()),
        consumer_process(pipeline_environment, tmp_path) as frozen,
    ):
        bucket.wait_for(40)
        frozen.send_signal(signal.SIGSTOP)
        with RunningConsumer(settings) as other:
            wait_for_members(settings, 1)
            bucket.wait_for(bucket.count() + 40)
            frozen.send_signal(signal.SIGCONT)
            wait_for_members(settings, 2)
            bucket.wait_for(bucket.count() + 40)
        frozen.terminate()
        assert frozen.wait(20) == 0
    with RunningConsumer(settings):
        wait_until_saved(settings)

    assert other.failure is None
    assert bucket.stored() == compute_points(settings)
