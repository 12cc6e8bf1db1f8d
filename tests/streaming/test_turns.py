"""A market followed by a stream that fails in every way: complete, in order, connected again."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from include import retry
from include.kpis.records import Gap, MarketKey, Trades
from include.streaming.deadlines import Deadlines
from include.streaming.follower import Follower
from include.streaming.progress import Progress
from include.streaming.subscription import Subscription
from include.streaming.turns import Turns
from tests.exchange.conftest import opened

BTC = MarketKey("binance", "BTC/USDT")
SYMBOLS = ("BTC/USDT", "ETH/USDT")
STREAM = "btcusdt@aggTrade"


class Following:
    """BTC followed live on an exchange whose clock runs; what it published so far."""

    def __init__(self, exchange, interval_s):
        self.exchange = exchange
        self.events = []
        self.connections_lost = 0
        self.subscription = Subscription(
            exchange.binance.trade_stream(SYMBOLS), SYMBOLS, report=lambda *_: None, lost=self.lose
        )
        live = self.subscription.live["BTC/USDT"]
        self.follower = Follower(exchange.binance, BTC, Progress(), history_bars=2, live=live)
        self.live = live
        self.turns = Turns(self.follower, self.publish, Deadlines(interval_s))
        self.news = asyncio.Event()

    def lose(self):
        self.connections_lost += 1

    async def publish(self, batch):
        self.events += batch.events
        self.news.set()

    async def flow(self):
        while True:
            await asyncio.sleep(0.01)
            self.exchange.clock.ms += 1_000

    async def follow(self):
        while True:
            async for attempt in retry.until_available(lambda *_: None):
                with attempt:
                    await self.turns.ask()
                    await self.turns.listen()

    async def until(self, condition, timeout_s=40):
        async with asyncio.timeout(timeout_s):
            while not condition():
                self.news.clear()
                await self.news.wait()

    def ids(self):
        return [t.trade_id for e in self.events if isinstance(e, Trades) for t in e.trades]

    async def published(self, count):
        """Return once so many more trades are published."""
        target = len(self.ids()) + count
        await self.until(lambda: len(self.ids()) >= target)


@asynccontextmanager
async def following(interval_s=0.3):
    async with opened() as exchange:
        found = Following(exchange, interval_s)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work)
                for work in (found.flow(), found.follow(), found.subscription.run())
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
async def test_leaves_no_hole(fault):
    async with following() as found:
        await found.published(50)
        await found.exchange.fault(fault, {"stream": STREAM, "action": "drop", "times": 3})
        await found.published(300)

    ids = found.ids()
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert not any(isinstance(e, Gap) for e in found.events)


async def test_a_healthy_stream_leaves_history_alone():
    """
    The ticker's last id proves that nothing is missing: no turn asks for trades.
    """
    async with following() as found:
        await found.published(100)
        before = await asked(found, "/api/v3/aggTrades")
        await found.published(300)
        after = await asked(found, "/api/v3/aggTrades")

    # a message may always be later than the ticker that tells of its trade
    assert after - before <= 2


async def test_without_a_stream_history_is_asked():
    async with following() as found:
        await found.exchange.fault({"path": "/stream", "status": 503})
        await found.exchange.fault(
            {"stream": "", "action": "close"}, {"path": "/stream", "status": 503}
        )
        await found.published(300)

    ids = found.ids()
    assert ids == list(range(ids[0], ids[-1] + 1))


async def test_a_silent_stream_is_connected_again():
    """
    Open, telling of one symbol and not of the other: noticed by what history has.
    """
    async with following() as found:
        await found.published(50)
        await found.exchange.fault({"stream": STREAM, "action": "silence", "times": 1})
        await found.until(lambda: found.connections_lost >= 1)
        received = found.live.received
        await found.until(lambda: found.live.received > received)


async def test_what_only_the_stream_has_is_no_gap():
    """
    A hole in history is filled from the stream as far as that goes.
    """
    async with following(interval_s=3600) as found:
        await found.until(lambda: found.live.received)
        await found.published(30)  # whatever came before the stream did is filled by now
        source, lost, streamed, told = found.exchange.binance, [], set(), set()
        ask, offer = source.trades_from, found.live.offer

        def overheard(trade):
            told.add(trade.trade_id)
            offer(trade)

        async def forgetful(symbol, first_id):
            page = [t for t in await ask(symbol, first_id) if t.trade_id >= first_id + 2]
            lost.append(first_id)
            streamed.update(told)
            return page

        found.live.offer = overheard

        source.trades_from = forgetful
        await found.exchange.fault({"stream": STREAM, "action": "drop", "times": 1})
        await found.until(lambda: any(isinstance(e, Gap) for e in found.events))

    gap = next(e for e in found.events if isinstance(e, Gap))
    assert gap.first_id == lost[0]
    assert not streamed & set(range(gap.first_id, gap.last_id + 1))
    assert streamed & {lost[0] + 1, lost[0] + 2}
    assert found.ids().index(gap.last_id + 1) == found.ids().index(gap.first_id - 1) + 1


async def asked(found, path):
    return [p for _, p, _ in await found.exchange.requests()].count(path)
