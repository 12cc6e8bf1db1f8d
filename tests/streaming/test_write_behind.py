"""Batches are stored in their order, and none after a failed one."""

import threading
from contextlib import closing

import pytest

from include.broker.records import Record
from include.errors import Unavailable
from include.kpis.records import PricePoint
from include.streaming.write_behind import (
    MAX_QUEUED_BATCHES,
    PointWriter,
    WriteBatch,
    WriteBehind,
    encode_point,
)


class Sink:
    """Stores lines once it is open; a write that contains *failing* fails."""

    def __init__(self, failing=b"none"):
        self.failing = failing
        self.open = threading.Event()
        self.stored = []

    def write(self, lines):
        assert self.open.wait(30)
        if self.failing in lines:
            raise Unavailable("away")
        self.stored.append(lines)


def batch(number):
    record = Record("topic", 0, number, None, None)
    point = PricePoint("binance", "BTC/USDT", number, {"close": float(number)})
    return WriteBatch(1, [encode_point(record, point)], [], {0: number + 1}, [])


@pytest.fixture
def queue(request, settings):
    sink = Sink(*request.param)
    points = PointWriter(sink, lambda failure, wait_s: None)
    with closing(WriteBehind(settings, points, dead_letter_writer=None)) as queue:
        yield queue, sink, points
        sink.open.set()


@pytest.mark.parametrize("queue", [()], indirect=True)
def test_queues_few_batches_and_stores_them_in_order(queue):
    queue, sink, _ = queue
    for number in range(MAX_QUEUED_BATCHES):
        assert queue.has_room(0)
        queue.put(batch(number))

    assert not queue.has_room(0.01)
    assert not queue.flush(0.01)
    assert queue.pop_results() == []
    sink.open.set()
    assert queue.flush()
    assert [result.batch.positions for result in queue.pop_results()] == [{0: 1}, {0: 2}]
    assert [b" %d" % n in lines for n, lines in enumerate(sink.stored)] == [True, True]
    assert queue.is_idle


@pytest.mark.parametrize("queue", [(b"close=0.0",)], indirect=True)
def test_nothing_is_stored_after_a_failure(queue):
    queue, sink, points = queue
    points.stop_retrying()
    queue.put(batch(0))
    queue.put(batch(1))
    sink.open.set()

    assert not queue.flush()
    with pytest.raises(Unavailable, match="away"):
        queue.pop_results()
    assert not queue.flush()
    assert sink.stored == []
