"""A market feed is complete and in the KPI engine's order, and resumes from its progress."""

from dataclasses import replace
from itertools import groupby

import pytest

from include.errors import Unavailable
from include.kpis.engine import KpiEngine
from include.kpis.records import (
    MINUTE_MS,
    Candle,
    CandlePoint,
    Gap,
    MarketKey,
    MarketSnapshot,
    Trade,
    Trades,
)
from include.streaming.market_feed import MAX_AHEAD_MS, MarketFeed, Progress
from include.streaming.trade_feed import TradeBuffer
from tests.exchange.conftest import NOON_MS, opened

BTC = MarketKey("binance", "BTC/USDT")


@pytest.fixture
async def exchange():
    async with opened() as found:
        yield found


def open_feed(exchange, progress=None, history_bars=120, buffer=None):
    progress = progress or Progress()
    return MarketFeed(exchange.binance, BTC, progress, history_bars=history_bars, buffer=buffer)


async def events_of(feed):
    return [event async for batch in feed.batches() for event in batch.events]


def trade_ids(events):
    return [t.trade_id for e in events if isinstance(e, Trades) for t in e.trades]


def open_times(events):
    return [e.open_ts_ms for e in events if isinstance(e, Candle)]


async def test_starts_with_history_then_the_open_minute_then_a_snapshot(exchange):
    """
    MACD and VWAP have values at once: the candles of history come before the first trade.
    """
    events = await events_of(open_feed(exchange))

    minutes = [NOON_MS - i * MINUTE_MS for i in range(120, 0, -1)]
    assert open_times(events) == minutes
    assert all(t.ts_ms >= NOON_MS for e in events if isinstance(e, Trades) for t in e.trades)
    assert [type(e) for e in events[:120]] == [Candle] * 120
    assert isinstance(events[-1], MarketSnapshot)


async def test_continues_without_a_gap_or_a_repeat(exchange):
    """
    Polls at irregular times for ten minutes return all trades of the exchange, each once.

    The trades of each published candle add up to it.
    """
    feed = open_feed(exchange, history_bars=5)
    events = []
    for step_ms in [4_000, 17_000, 61_000, 130_000, 1_000, 250_000, 61_500, 999]:
        exchange.clock.ms += step_ms
        events += await events_of(feed)

    ids = trade_ids(events)
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert open_times(events) == sorted(set(open_times(events)))
    trades = [t for e in events if isinstance(e, Trades) for t in e.trades]
    complete = [e for e in events if isinstance(e, Candle) and e.open_ts_ms >= NOON_MS]
    assert len(complete) == 9
    for candle in complete:
        inside = [t for t in trades if 0 <= t.ts_ms - candle.open_ts_ms < MINUTE_MS]
        assert sum(t.last_id - t.first_id + 1 for t in inside) == candle.trade_count
        assert sum(t.amount for t in inside) == pytest.approx(candle.volume, rel=1e-9)
        notional = sum(t.price * t.amount for t in inside)
        assert notional == pytest.approx(candle.quote_volume, rel=1e-9)


async def test_a_candle_comes_after_the_trades_of_its_minute(exchange):
    """
    The engine has all trades of a minute when it closes, even while the feed catches up hours.
    """
    feed = open_feed(exchange, history_bars=0)
    await events_of(feed)
    exchange.clock.ms += 3 * 60 * MINUTE_MS

    seen_until_ms = 0
    for event in await events_of(feed):
        if isinstance(event, Trades):
            seen_until_ms = event.trades[-1].ts_ms
            last = event
        elif isinstance(event, Candle):
            after = [t for t in last.trades if t.ts_ms >= event.open_ts_ms + MINUTE_MS]
            assert after or seen_until_ms < event.open_ts_ms + MINUTE_MS


async def test_the_session_at_each_candle_is_that_of_its_end(exchange):
    """
    In a quiet market one page holds the trades of an hour. None may precede an earlier candle.
    """
    feed = open_feed(exchange, history_bars=0)
    events = await events_of(feed)
    exchange.clock.ms += 61 * MINUTE_MS
    fold = KpiEngine()
    points = [p for e in events + await events_of(feed) for p in fold.update(e)]

    closed = [p for p in points if isinstance(p, CandlePoint)]
    assert len(closed) == 61
    traded = [p.values["session_vwap"] for p in closed if p.values["volume"]]
    assert None not in traded


async def test_trades_ahead_of_the_candles_wait_for_them(exchange):
    buffer = TradeBuffer()
    feed = open_feed(exchange, history_bars=1, buffer=buffer)
    await events_of(feed)
    last_id, last_ms = feed.progress.last_trade_id, feed.progress.last_candle_open_ms
    for number, minute in enumerate((1, 5, 6), start=1):
        trade_id = last_id + number
        ts_ms = last_ms + minute * MINUTE_MS
        buffer.put(Trade(trade_id, trade_id, trade_id, ts_ms, 1.0, 1.0, "buy"))

    batch = await feed.next_stream_batch(0)
    assert trade_ids(batch.events) == [last_id + 1, last_id + 2]
    assert await feed.next_stream_batch(0) is None
    assert len(buffer) == 1


async def test_trades_long_after_the_poll_wait_for_their_candles(exchange):
    """
    A machine sleeps for an hour, or catching up takes an hour. The trades of that hour are not
    published before its candles.
    """
    feed = open_feed(exchange, history_bars=0)
    events = await events_of(feed)
    exchange.clock.ms += 10_000
    poll_result = await feed.poll()
    exchange.clock.ms += 61 * MINUTE_MS
    first = [event async for batch in feed.batches(poll_result) for event in batch.events]
    events += first + await events_of(feed)

    latest_ms = max(t.ts_ms for e in first if isinstance(e, Trades) for t in e.trades)
    assert latest_ms < poll_result.closed_until_ms + MAX_AHEAD_MS
    ids = trade_ids(events)
    assert ids == list(range(ids[0], ids[-1] + 1))
    fold = KpiEngine()
    closed = [p for e in events for p in fold.update(e) if isinstance(p, CandlePoint)]
    assert len(closed) == 61
    assert None not in [p.values["session_vwap"] for p in closed if p.values["volume"]]


async def test_a_gap_of_an_hour_in_the_stream_waits_for_the_next_poll(exchange):
    buffer = TradeBuffer()
    feed = open_feed(exchange, history_bars=1, buffer=buffer)
    await events_of(feed)
    last_id = feed.progress.last_trade_id
    exchange.clock.ms += 61 * MINUTE_MS
    newest = exchange.clock.ms
    buffer.put(Trade(last_id + 5_000, last_id, last_id, newest, 1.0, 1.0, "buy"))
    request_count = len(await exchange.requests())

    assert await feed.next_stream_batch(0) is None
    assert len(await exchange.requests()) == request_count
    events = await events_of(feed)
    assert len(open_times(events)) == 61
    assert trade_ids(events)[0] == last_id + 1


async def test_resumes_from_its_progress(exchange):
    """
    A new process with the saved progress publishes what the old one would have published.
    """
    first = open_feed(exchange)
    before = await events_of(first)
    exchange.clock.ms += 47 * MINUTE_MS

    unbroken = await events_of(first)
    resumed = await events_of(open_feed(exchange, progress_after(before)))

    assert trade_ids(resumed) == trade_ids(unbroken)
    assert open_times(resumed) == open_times(unbroken)


def progress_after(events):
    return Progress(NOON_MS, trade_ids(events)[-1], open_times(events)[-1])


async def test_batches_remain_valid_when_the_exchange_fails_between_them(exchange):
    """
    A batch yielded before a failure is not yielded again, and none is left out.
    """
    feed = open_feed(exchange, history_bars=3)
    events = await events_of(feed)
    exchange.clock.ms += 90 * MINUTE_MS
    broken = 0
    for at in (2, 1, 3):
        await exchange.fault(
            {"path": "/api/v3/aggTrades", "delay_s": 0, "headers": {"x": "1"}, "times": at},
            {"path": "/api/v3/aggTrades", "status": 500, "times": 1},
        )
        try:
            async for batch in feed.batches():
                events += batch.events
        except Unavailable:
            broken += 1
    await exchange.fault()
    events += await events_of(feed)

    ids = trade_ids(events)
    assert broken >= 1
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert open_times(events) == sorted(set(open_times(events)))


async def test_records_a_gap_for_trades_that_history_lacks(exchange):
    """
    The gap comes before any later trade.
    """
    events = await events_of(open_feed(exchange))
    last = trade_ids(events)[-1]

    class IncompleteHistory:
        page_size, window_ms = exchange.binance.page_size, exchange.binance.window_ms
        snapshot, candles = exchange.binance.snapshot, exchange.binance.candles
        last_raw_id = exchange.binance.last_raw_id

        async def trades_from(self, symbol, first_id):
            page = await exchange.binance.trades_from(symbol, first_id)
            return [t for t in page if t.trade_id > last + 3]

    exchange.clock.ms += 5 * MINUTE_MS
    known = replace(progress_after(events), last_trade_id=last)
    found = await events_of(MarketFeed(IncompleteHistory(), BTC, known, history_bars=0))

    gaps = [e for e in found if isinstance(e, Gap)]
    assert [(g.first_id, g.last_id) for g in gaps] == [(last + 1, last + 3)]
    assert found.index(gaps[0]) < [isinstance(e, Trades) for e in found].index(True)


async def test_records_a_gap_inside_a_page(exchange):
    """
    A gap between two trades of one response is recorded as well.
    """
    events = await events_of(open_feed(exchange))
    last = trade_ids(events)[-1]

    class IncompleteHistory:
        page_size, window_ms = exchange.binance.page_size, exchange.binance.window_ms
        snapshot, candles = exchange.binance.snapshot, exchange.binance.candles
        last_raw_id = exchange.binance.last_raw_id

        async def trades_from(self, symbol, first_id):
            page = await exchange.binance.trades_from(symbol, first_id)
            return [t for t in page if t.trade_id not in (last + 3, last + 4)]

    exchange.clock.ms += 5 * MINUTE_MS
    found = await events_of(
        MarketFeed(IncompleteHistory(), BTC, progress_after(events), history_bars=0)
    )

    kinds = [kind for kind, _ in groupby(type(e) for e in found if isinstance(e, Trades | Gap))]
    gaps = [e for e in found if isinstance(e, Gap)]
    assert kinds == [Trades, Gap, Trades]
    assert [(g.first_id, g.last_id) for g in gaps] == [(last + 3, last + 4)]
    assert trade_ids(found)[:3] == [last + 1, last + 2, last + 5]
