"""Kafka frozen or killed: what it acknowledged stays, the rest is sent again, memory is bounded."""

import time

import pytest

from tests.chaos.pipeline import flow
from tests.chaos.servers import eventually
from tests.streaming.consuming import wait_until_saved

MB = 2**20
# Of a producer that polls two markets: some pages of trades, and what an allocator does with them.
MOST_GROWTH_MB = 60
STOP_WITHIN_S = 20.0  # 8 s of its own, and a busy machine; less than its client's 30 s


@pytest.mark.fault(3)
@pytest.mark.slow
@pytest.mark.parametrize("frozen_s", [30, 80], ids=["30s", "longer than a transaction may last"])
def test_frozen_for(frozen_s, pipeline, struck, story):
    """
    80 s are more than the 60 s after which Kafka ends a transaction, and any time-out of a request.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    services = {name: pipeline.running(name) for name in ("producer", "consumer")}
    before = {name: process.memory_info().rss for name, process in services.items()}
    with struck.frozen("kafka"):
        flow(frozen_s)
        grown = {n: (p.memory_info().rss - before[n]) / MB for n, p in services.items()}
    pipeline.await_stored()
    verdict = pipeline.settle()

    story.injected(f"broker SIGSTOPped for {frozen_s} s")
    story.found(f"{verdict}; grown by {', '.join(f'{n} {mb:.0f} MB' for n, mb in grown.items())}")
    assert verdict.is_clean, verdict
    assert max(grown.values()) < MOST_GROWTH_MB


@pytest.mark.fault(3)
@pytest.mark.slow
def test_frozen_while_all_is_saved(pipeline, struck, story):
    """
    Nothing is under way that would time out: the consumer's session goes on, and polls.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    pipeline.stop("producer")
    wait_until_saved(pipeline.settings)
    consumer = pipeline.running("consumer")
    before = consumer.memory_info().rss
    with struck.frozen("kafka"):
        flow(20)  # its fetches time out after 15
        grown_mb = (consumer.memory_info().rss - before) / MB
    pipeline.start("producer")
    pipeline.await_stored()
    verdict = pipeline.settle()

    story.injected("broker SIGSTOPped for 20 s, while nothing was written")
    story.found(f"{verdict}; the consumer grew by {grown_mb:.0f} MB")
    assert verdict.is_clean, verdict
    assert grown_mb < MOST_GROWTH_MB


@pytest.mark.fault(3)
@pytest.mark.slow
def test_told_to_stop_while_frozen(pipeline, struck, story):
    """
    The thread that waits for a commit cannot be cancelled, and waits for half a minute.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    with struck.frozen("kafka"):
        flow(3)  # several turns: a commit is under way
        began_s = time.monotonic()
        pipeline.stop("producer", within_s=STOP_WITHIN_S)
        took_s = time.monotonic() - began_s
    pipeline.start("producer")
    pipeline.await_stored()
    verdict = pipeline.settle()

    story.injected("SIGTERM to a producer whose broker is SIGSTOPped in a commit")
    story.found(f"it ended with 0 after {took_s:.1f} s; {verdict}")
    assert verdict.is_clean, verdict


@pytest.mark.fault(4)
@pytest.mark.slow
def test_killed_three_times(pipeline, struck, story):
    pipeline.start("consumer")
    pipeline.start("producer")
    for _ in range(3):
        pipeline.await_stored()
        pid = struck.pid("kafka")
        assert struck.strike("kafka")
        eventually(lambda pid=pid: struck.pid("kafka") not in (0, pid), "another broker")
        struck.await_answer("kafka")
    verdict = pipeline.settle()

    story.injected("broker SIGKILLed and restarted, 3 times")
    story.found(str(verdict))
    assert verdict.is_clean, verdict
