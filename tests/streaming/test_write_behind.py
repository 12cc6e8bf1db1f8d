"""Writing behind the fold: in order, and nothing behind a failure."""

import threading
from contextlib import closing

import pytest

from include.broker.records import Record
from include.errors import Unavailable
from include.kpis.records import PricePoint
from include.streaming.point_writer import PointWriter, made
from include.streaming.write_behind import MOST_BATCHES, Batch, WriteBehind


class Sink:
    """Takes lines when it is let, all but those that it is to fail at."""

    def __init__(self, failing=b"none"):
        self.failing = failing
        self.open = threading.Event()
        self.taken = []

    def write(self, lines):
        assert self.open.wait(30)
        if self.failing in lines:
            raise Unavailable("away")
        self.taken.append(lines)


def batch(number):
    record = Record("topic", 0, number, None, None)
    point = PricePoint("binance", "BTC/USDT", number, {"close": float(number)})
    return Batch(1, [made(record, point)], [], {0: number + 1}, [])


@pytest.fixture
def behind(request, settings):
    sink = Sink(*request.param)
    points = PointWriter(sink, lambda failure, wait_s: None)
    with closing(WriteBehind(settings, points, parking=None)) as behind:
        yield behind, sink, points
        sink.open.set()


@pytest.mark.parametrize("behind", [()], indirect=True)
def test_takes_few_and_stores_them_in_order(behind):
    behind, sink, _ = behind
    for number in range(MOST_BATCHES):
        assert behind.has_room(0)
        behind.put(batch(number))

    assert not behind.has_room(0.01)
    assert not behind.flush(0.01)
    assert behind.stored() == []
    sink.open.set()
    assert behind.flush()
    assert [stored.batch.positions for stored in behind.stored()] == [{0: 1}, {0: 2}]
    assert [b" %d" % n in lines for n, lines in enumerate(sink.taken)] == [True, True]
    assert behind.is_idle


@pytest.mark.parametrize("behind", [(b"close=0.0",)], indirect=True)
def test_nothing_is_stored_behind_a_failure(behind):
    behind, sink, points = behind
    points.hurry()
    behind.put(batch(0))
    behind.put(batch(1))
    sink.open.set()

    assert not behind.flush()
    with pytest.raises(Unavailable, match="away"):
        behind.stored()
    assert not behind.flush()
    assert sink.taken == []
