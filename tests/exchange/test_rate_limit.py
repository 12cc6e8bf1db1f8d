"""The weight the exchange counts: history waits for the next minute, live requests continue."""

import asyncio

import pytest

from include.exchange import rate_limit
from include.exchange.failures import RateLimited
from tests.exchange.conftest import opened

BTC = "BTC/USDT"
LIMIT = 1_000
PAGE_WEIGHT = 4
MARKETS = 20
SNAPSHOTS = 5


def used_weight(used: int) -> dict[str, object]:
    return {"path": "/api", "headers": {rate_limit.USED_WEIGHT: str(used)}}


async def count_pages(exchange) -> int:
    return sum(path.endswith("/aggTrades") for _, path, _ in await exchange.requests())


async def test_history_waits_for_the_next_minute_when_its_share_is_used(exchange):
    await exchange.fault(used_weight(4_799))
    await exchange.binance.trades_from(BTC, 1)
    await exchange.fault(used_weight(4_800))
    snapshot = await exchange.binance.snapshot(BTC)
    requested = await count_pages(exchange)

    with pytest.raises(RateLimited, match="4800 of the minute's 6000 are used") as failure:
        await exchange.binance.trades_from(BTC, 1)

    assert 0 < failure.value.retry_after_s <= 60
    assert await count_pages(exchange) == requested
    assert (await exchange.binance.snapshot(BTC)).symbol == snapshot.symbol
    await exchange.fault(used_weight(10))  # the next minute
    await exchange.binance.snapshot(BTC)
    assert await exchange.binance.trades_from(BTC, 1)


async def test_the_next_minute_has_the_whole_limit(exchange, monkeypatch):
    await exchange.fault(used_weight(6_000))
    await exchange.binance.snapshot(BTC)
    monkeypatch.setattr(
        rate_limit.time, "monotonic", lambda now_s=rate_limit.time.monotonic: now_s() + 61
    )

    assert await exchange.binance.trades_from(BTC, 1)


@pytest.mark.parametrize("header", [{}, {"Date": "today", rate_limit.USED_WEIGHT: "6000"}])
async def test_responses_of_a_proxy_are_not_recorded(exchange, header):
    exchange.binance._record_headers(header)

    assert await exchange.binance.trades_from(BTC, 1)


async def test_beyond_the_limit_the_exchange_requests_a_pause():
    async with opened(weight_limit=30) as exchange:

        async def request():
            for _ in range(10):  # a minute may end meanwhile
                await exchange.binance.snapshot(BTC)

        with pytest.raises(RateLimited):
            await request()

        assert 0 < exchange.binance.rate_limit_pause.remaining_s <= 60


async def test_many_markets_that_catch_up_at_once_are_never_rate_limited(monkeypatch):
    monkeypatch.setitem(rate_limit.WEIGHT_LIMITS, "binance", LIMIT)
    async with opened(weight_limit=LIMIT) as exchange:

        async def catch_up():
            while True:
                await exchange.binance.trades_from(BTC, 1)

        done = await asyncio.gather(*(catch_up() for _ in range(MARKETS)), return_exceptions=True)
        snapshots = [await exchange.binance.snapshot(BTC) for _ in range(SNAPSHOTS)]

        assert {str(e).partition(": the rest")[2] for e in done} == {" is for live requests"}
        assert (
            await count_pages(exchange)
            >= (rate_limit.HISTORY_SHARE * LIMIT) / PAGE_WEIGHT - MARKETS
        )
        assert len(snapshots) == SNAPSHOTS
        assert exchange.binance.rate_limit_pause.remaining_s == 0
