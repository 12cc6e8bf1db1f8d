"""What the exchange counts of a minute is heeded: history waits, what is live goes on."""

import asyncio

import pytest

from include.exchange import budget
from include.exchange.failures import RateLimited
from tests.exchange.conftest import opened

BTC = "BTC/USDT"
LIMIT = 1_000
PAGE_WEIGHT = 4
MARKETS = 20
SNAPSHOTS = 5


def told(used: int) -> dict[str, object]:
    return {"path": "/api", "headers": {budget.USED_WEIGHT: str(used)}}


async def pages(exchange) -> int:
    return sum(path.endswith("/aggTrades") for _, path, _ in await exchange.requests())


async def test_history_waits_for_the_next_minute_when_little_is_left(exchange):
    await exchange.fault(told(4_799))
    await exchange.binance.trades_from(BTC, 1)
    await exchange.fault(told(4_800))
    snapshot = await exchange.binance.snapshot(BTC)
    asked = await pages(exchange)

    with pytest.raises(RateLimited, match="4800 of the minute's 6000 are used") as refused:
        await exchange.binance.trades_from(BTC, 1)

    assert 0 < refused.value.retry_after_s <= 60
    assert await pages(exchange) == asked
    assert (await exchange.binance.snapshot(BTC)).symbol == snapshot.symbol
    await exchange.fault(told(10))  # the minute after
    await exchange.binance.snapshot(BTC)
    assert await exchange.binance.trades_from(BTC, 1)


async def test_it_is_of_that_minute_only(exchange, monkeypatch):
    await exchange.fault(told(6_000))
    await exchange.binance.snapshot(BTC)
    monkeypatch.setattr(budget.time, "monotonic", lambda now_s=budget.time.monotonic: now_s() + 61)

    assert await exchange.binance.trades_from(BTC, 1)


@pytest.mark.parametrize("header", [{}, {"Date": "today", budget.USED_WEIGHT: "6000"}])
async def test_answers_of_something_in_between_tell_nothing(exchange, header):
    exchange.binance._note(header)

    assert await exchange.binance.trades_from(BTC, 1)


async def test_beyond_the_limit_it_asks_for_silence():
    async with opened(weight_limit=30) as exchange:

        async def ask():
            for _ in range(10):  # a minute may end in between
                await exchange.binance.snapshot(BTC)

        with pytest.raises(RateLimited):
            await ask()

        assert 0 < exchange.binance.gate.remaining_s <= 60


async def test_many_markets_catching_up_at_once_are_never_told_to_be_silent(monkeypatch):
    monkeypatch.setitem(budget.WEIGHT_LIMITS, "binance", LIMIT)
    async with opened(weight_limit=LIMIT) as exchange:

        async def catch_up():
            while True:
                await exchange.binance.trades_from(BTC, 1)

        done = await asyncio.gather(*(catch_up() for _ in range(MARKETS)), return_exceptions=True)
        snapshots = [await exchange.binance.snapshot(BTC) for _ in range(SNAPSHOTS)]

        assert {str(e).partition(": the rest")[2] for e in done} == {" is for what is live"}
        assert await pages(exchange) >= (budget.HISTORY_SHARE * LIMIT) / PAGE_WEIGHT - MARKETS
        assert len(snapshots) == SNAPSHOTS
        assert exchange.binance.gate.remaining_s == 0
