"""A market whose stream fails in every way is complete, in order, and connected again."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from include import retry
from include.kpis.records import Gap, MarketKey, Trades
from include.streaming.market_feed import MarketFeed, Progress
from include.streaming.poll_loop import PollLoop, PollSchedule
from include.streaming.subscription import Subscription
from tests.exchange.conftest import opened

BTC = MarketKey("binance", "BTC/USDT")
SYMBOLS = ("BTC/USDT", "ETH/USDT")
STREAM = "btcusdt@aggTrade"


class LiveMarket:
    """BTC published from an exchange whose clock runs, and the events published so far."""

    def __init__(self, exchange, interval_s):
        self.exchange = exchange
        self.events = []
        self.connections_lost = 0
        self.subscription = Subscription(
            exchange.binance.trade_stream(SYMBOLS),
            SYMBOLS,
            report=lambda *_: None,
            on_lost=self.count_loss,
        )
        self.buffer = self.subscription.buffers["BTC/USDT"]
        feed = MarketFeed(exchange.binance, BTC, Progress(), history_bars=2, buffer=self.buffer)
        self.loop = PollLoop(feed, self.publish, PollSchedule(interval_s))
        self.has_published = asyncio.Event()

    def count_loss(self):
        self.connections_lost += 1

    async def publish(self, batch):
        self.events += batch.events
        self.has_published.set()

    async def advance_clock(self):
        while True:
            await asyncio.sleep(0.01)
            self.exchange.clock.ms += 1_000

    async def run(self):
        while True:
            async for attempt in retry.retry_until_available(lambda *_: None):
                with attempt:
                    await self.loop.poll()
                    await self.loop.relay()

    async def until(self, condition, timeout_s=40):
        async with asyncio.timeout(timeout_s):
            while not condition():
                self.has_published.clear()
                await self.has_published.wait()

    def ids(self):
        return [t.trade_id for e in self.events if isinstance(e, Trades) for t in e.trades]

    async def published(self, count):
        """Return once *count* more trades are published."""
        target = len(self.ids()) + count
        await self.until(lambda: len(self.ids()) >= target)


@asynccontextmanager
async def run_market(interval_s=0.3):
    async with opened() as exchange:
        found = LiveMarket(exchange, interval_s)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work)
                for work in (found.advance_clock(), found.run(), found.subscription.run())
            ]
            yield found
            for task in tasks:
                task.cancel()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"stream": STREAM, "action": "drop", "times": 7}, id="dropped"),
        pytest.param({"stream": STREAM, "action": "duplicate", "times": 7}, id="twice"),
        pytest.param({"stream": STREAM, "action": "swap", "times": 7}, id="out of order"),
        pytest.param({"stream": "", "action": "close", "times": 2}, id="closed 1006"),
        pytest.param({"stream": "", "action": "close", "code": 1001, "times": 1}, id="24 h"),
        pytest.param({"stream": STREAM, "action": "silence", "times": 1}, id="silent"),
        pytest.param({"path": "/api/v3/aggTrades", "status": 503, "times": 3}, id="no history"),
    ],
)
async def test_leaves_no_gap(fault):
    async with run_market() as found:
        await found.published(50)
        await found.exchange.fault(fault, {"stream": STREAM, "action": "drop", "times": 3})
        await found.published(300)

    ids = found.ids()
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert not any(isinstance(e, Gap) for e in found.events)


async def test_a_healthy_stream_needs_no_history():
    """
    The ticker's last id proves that no trade is missing, so a poll requests no trades.
    """
    async with run_market() as found:
        await found.published(100)
        before = await count_requests(found, "/api/v3/aggTrades")
        await found.published(300)
        after = await count_requests(found, "/api/v3/aggTrades")

    # a message may arrive later than the ticker that includes its trade
    assert after - before <= 2


async def test_without_a_stream_trades_come_from_history():
    async with run_market() as found:
        await found.exchange.fault({"path": "/stream", "status": 503})
        await found.exchange.fault(
            {"stream": "", "action": "close"}, {"path": "/stream", "status": 503}
        )
        await found.published(300)

    ids = found.ids()
    assert ids == list(range(ids[0], ids[-1] + 1))


async def test_a_silent_stream_is_connected_again():
    """
    It is open and delivers one symbol but not the other. The trades of history show it.
    """
    async with run_market() as found:
        await found.published(50)
        await found.exchange.fault({"stream": STREAM, "action": "silence", "times": 1})
        await found.until(lambda: found.connections_lost >= 1)
        received_count = found.buffer.received_count
        await found.until(lambda: found.buffer.received_count > received_count)


async def test_trades_that_only_the_stream_has_are_no_gap():
    """
    A gap in history is filled from the stream, as far as the stream has the trades.
    """
    async with run_market(interval_s=3600) as found:
        await found.until(lambda: found.buffer.received_count)
        await found.published(30)  # trades from before the connection are filled by now
        source, lost, streamed, received = found.exchange.binance, [], set(), set()
        trades_from, put = source.trades_from, found.buffer.put

        def recording_put(trade):
            received.add(trade.trade_id)
            put(trade)

        async def incomplete(symbol, first_id):
            page = [t for t in await trades_from(symbol, first_id) if t.trade_id >= first_id + 2]
            lost.append(first_id)
            streamed.update(received)
            return page

        found.buffer.put = recording_put
        source.trades_from = incomplete
        await found.exchange.fault({"stream": STREAM, "action": "drop", "times": 1})
        await found.until(lambda: any(isinstance(e, Gap) for e in found.events))

    gap = next(e for e in found.events if isinstance(e, Gap))
    assert gap.first_id == lost[0]
    assert not streamed & set(range(gap.first_id, gap.last_id + 1))
    assert streamed & {lost[0] + 1, lost[0] + 2}
    assert found.ids().index(gap.last_id + 1) == found.ids().index(gap.first_id - 1) + 1


async def count_requests(found, path):
    return [p for _, p, _ in await found.exchange.requests()].count(path)
