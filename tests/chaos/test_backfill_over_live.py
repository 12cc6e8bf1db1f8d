"""Candles fetched from history while the same minutes come in live: once, and the same."""

import asyncio
import threading

import pytest

from include.exchange.binance import Binance
from include.history.candles import BackfillResult, backfill
from include.warehouse.connection import connect

MINUTE_MS = 60_000
ROUNDS = 6


@pytest.mark.fault(29)
def test_over_the_live_window(pipeline, story):
    """
    Drains and backfills at the same time, of half an hour up to the open minute.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    settings = pipeline.settings.model_copy(update={"exchange_url": pipeline.exchange.url})
    draining = threading.Thread(target=lambda: [pipeline.drain() for _ in range(3)])
    draining.start()
    done = [done for _ in range(ROUNDS) for done in asyncio.run(backfilled(settings))]
    draining.join()
    verdict = pipeline.settle()
    again = asyncio.run(backfilled(settings))
    postgres = pipeline.stores_postgres()
    revisions = postgres.count("candle_revisions")
    postgres.close()

    inserted, unchanged = (sum(getattr(d, n) for d in done) for n in ("inserted", "unchanged"))
    story.injected(f"{ROUNDS} backfills of the live half hour beside 3 drains")
    story.found(
        f"inserted {inserted}, found unchanged {unchanged}, revised {revisions}; {verdict};"
        f" once more: {[d.unchanged for d in again]} unchanged"
    )
    assert unchanged > 0
    assert revisions == 0
    assert all((d.revised, d.holes) == (0, 0) for d in [*done, *again])
    assert verdict.is_clean, verdict


async def backfilled(settings) -> list[BackfillResult]:
    exchange = Binance("binance", settings)
    try:
        await exchange.connect([market.symbol for market in settings.markets])
        now_ms = await exchange.now_ms()
        until_ms = now_ms // MINUTE_MS * MINUTE_MS
        with connect(settings, application="test") as connection:
            return [
                await backfill(
                    connection,
                    exchange,
                    market,
                    until_ms - 30 * MINUTE_MS,
                    until_ms,
                    source="test",
                )
                for market in settings.markets
            ]
    finally:
        await exchange.close()
