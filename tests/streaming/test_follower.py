"""Following a market: complete, in the order the fold needs, from wherever it was left."""

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
from include.streaming.follower import AHEAD_MS, Follower
from include.streaming.live_trades import LiveTrades
from include.streaming.progress import Progress
from tests.exchange.conftest import NOON_MS, opened

BTC = MarketKey("binance", "BTC/USDT")


@pytest.fixture
async def exchange():
    async with opened() as found:
        yield found


def follower(exchange, progress=None, history_bars=120, live=None):
    told = progress or Progress()
    return Follower(exchange.binance, BTC, told, history_bars=history_bars, live=live)


async def events_of(following):
    return [event async for batch in following.batches() for event in batch.events]


def trade_ids(events):
    return [t.trade_id for e in events if isinstance(e, Trades) for t in e.trades]


def open_times(events):
    return [e.open_ts_ms for e in events if isinstance(e, Candle)]


async def test_starts_with_history_then_the_open_minute_then_a_snapshot(exchange):
    """
    MACD and VWAP are warm at once: the history's candles come before the first trade.
    """
    events = await events_of(follower(exchange))

    minutes = [NOON_MS - i * MINUTE_MS for i in range(120, 0, -1)]
    assert open_times(events) == minutes
    assert all(t.ts_ms >= NOON_MS for e in events if isinstance(e, Trades) for t in e.trades)
    assert [type(e) for e in events[:120]] == [Candle] * 120
    assert isinstance(events[-1], MarketSnapshot)


async def test_goes_on_without_a_hole_or_a_repeat(exchange):
    """
    Polled at odd moments for ten minutes, the trades are all of the exchange's, each once, and the
    trades of each published candle add up to it.
    """
    following = follower(exchange, history_bars=5)
    events = []
    for step_ms in [4_000, 17_000, 61_000, 130_000, 1_000, 250_000, 61_500, 999]:
        exchange.clock.ms += step_ms
        events += await events_of(following)

    ids = trade_ids(events)
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert open_times(events) == sorted(set(open_times(events)))
    trades = [t for e in events if isinstance(e, Trades) for t in e.trades]
    whole = [e for e in events if isinstance(e, Candle) and e.open_ts_ms >= NOON_MS]
    assert len(whole) == 9
    for candle in whole:
        inside = [t for t in trades if 0 <= t.ts_ms - candle.open_ts_ms < MINUTE_MS]
        assert sum(t.last_id - t.first_id + 1 for t in inside) == candle.trade_count
        assert sum(t.amount for t in inside) == pytest.approx(candle.volume, rel=1e-9)
        notional = sum(t.price * t.amount for t in inside)
        assert notional == pytest.approx(candle.quote_volume, rel=1e-9)


async def test_a_candle_comes_after_the_trades_of_its_minute(exchange):
    """
    The fold closes a minute knowing all of its trades, also when hours are caught up.
    """
    following = follower(exchange, history_bars=0)
    await events_of(following)
    exchange.clock.ms += 3 * 60 * MINUTE_MS

    seen_until_ms = 0
    for event in await events_of(following):
        if isinstance(event, Trades):
            seen_until_ms = event.trades[-1].ts_ms
            last = event
        elif isinstance(event, Candle):
            after = [t for t in last.trades if t.ts_ms >= event.open_ts_ms + MINUTE_MS]
            assert after or seen_until_ms < event.open_ts_ms + MINUTE_MS


async def test_every_candle_finds_the_session_as_it_was_at_its_end(exchange):
    """
    Trades of an hour fit into one page of a quiet market: none may come before an earlier candle.
    """
    following = follower(exchange, history_bars=0)
    events = await events_of(following)
    exchange.clock.ms += 61 * MINUTE_MS
    fold = KpiEngine()
    points = [p for e in events + await events_of(following) for p in fold.update(e)]

    closed = [p for p in points if isinstance(p, CandlePoint)]
    assert len(closed) == 61
    traded = [p.values["session_vwap"] for p in closed if p.values["volume"]]
    assert None not in traded


async def test_a_stream_ahead_of_the_candles_waits_for_them(exchange):
    live = LiveTrades()
    following = follower(exchange, history_bars=1, live=live)
    await events_of(following)
    last_id, last_ms = following.progress.last_trade_id, following.progress.last_candle_open_ms
    for number, minute in enumerate((1, 5, 6), start=1):
        trade_id = last_id + number
        ts_ms = last_ms + minute * MINUTE_MS
        live.offer(Trade(trade_id, trade_id, trade_id, ts_ms, 1.0, 1.0, "buy"))

    batch = await following.next_arrival(0)
    assert trade_ids(batch.events) == [last_id + 1, last_id + 2]
    assert await following.next_arrival(0) is None
    assert len(live) == 1


async def test_trades_of_long_after_the_look_wait_for_their_candles(exchange):
    """
    A machine sleeps for an hour, or catching up takes one: what history has by then is not said
    before the candles of that hour.
    """
    following = follower(exchange, history_bars=0)
    events = await events_of(following)
    exchange.clock.ms += 10_000
    look = await following.look()
    exchange.clock.ms += 61 * MINUTE_MS
    first = [event async for batch in following.batches(look) for event in batch.events]
    events += first + await events_of(following)

    latest_ms = max(t.ts_ms for e in first if isinstance(e, Trades) for t in e.trades)
    assert latest_ms < look.closed_until_ms + AHEAD_MS
    ids = trade_ids(events)
    assert ids == list(range(ids[0], ids[-1] + 1))
    fold = KpiEngine()
    closed = [p for e in events for p in fold.update(e) if isinstance(p, CandlePoint)]
    assert len(closed) == 61
    assert None not in [p.values["session_vwap"] for p in closed if p.values["volume"]]


async def test_a_hole_in_the_stream_as_long_as_that_is_left_to_the_next_look(exchange):
    live = LiveTrades()
    following = follower(exchange, history_bars=1, live=live)
    await events_of(following)
    last_id = following.progress.last_trade_id
    exchange.clock.ms += 61 * MINUTE_MS
    newest = exchange.clock.ms
    live.offer(Trade(last_id + 5_000, last_id, last_id, newest, 1.0, 1.0, "buy"))
    asked = len(await exchange.requests())

    assert await following.next_arrival(0) is None
    assert len(await exchange.requests()) == asked
    events = await events_of(following)
    assert len(open_times(events)) == 61
    assert trade_ids(events)[0] == last_id + 1


async def test_resumes_where_it_was_left(exchange):
    """
    A new process with the saved progress goes on as the old one would have.
    """
    first = follower(exchange)
    before = await events_of(first)
    exchange.clock.ms += 47 * MINUTE_MS

    unbroken = await events_of(first)
    resumed = await events_of(follower(exchange, progress_after(before)))

    assert trade_ids(resumed) == trade_ids(unbroken)
    assert open_times(resumed) == open_times(unbroken)


def progress_after(events):
    return Progress(NOON_MS, trade_ids(events)[-1], open_times(events)[-1])


async def test_batches_stand_when_the_exchange_fails_in_between(exchange):
    """
    What was handed out before a failure is not handed out again, and nothing is left out.
    """
    following = follower(exchange, history_bars=3)
    events = await events_of(following)
    exchange.clock.ms += 90 * MINUTE_MS
    broken = 0
    for at in (2, 1, 3):
        await exchange.fault(
            {"path": "/api/v3/aggTrades", "delay_s": 0, "headers": {"x": "1"}, "times": at},
            {"path": "/api/v3/aggTrades", "status": 500, "times": 1},
        )
        try:
            async for batch in following.batches():
                events += batch.events
        except Unavailable:
            broken += 1
    await exchange.fault()
    events += await events_of(following)

    ids = trade_ids(events)
    assert broken >= 1
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert open_times(events) == sorted(set(open_times(events)))


async def test_says_which_trades_the_history_lacks(exchange):
    """
    A hole in the ids is recorded before anything after it.
    """
    events = await events_of(follower(exchange))
    last = trade_ids(events)[-1]

    class Forgetful:
        page_size, window_ms = exchange.binance.page_size, exchange.binance.window_ms
        snapshot, candles = exchange.binance.snapshot, exchange.binance.candles
        last_raw_id = exchange.binance.last_raw_id

        async def trades_from(self, symbol, first_id):
            page = await exchange.binance.trades_from(symbol, first_id)
            return [t for t in page if t.trade_id > last + 3]

    exchange.clock.ms += 5 * MINUTE_MS
    known = replace(progress_after(events), last_trade_id=last)
    found = await events_of(Follower(Forgetful(), BTC, known, history_bars=0))

    gaps = [e for e in found if isinstance(e, Gap)]
    assert [(g.first_id, g.last_id) for g in gaps] == [(last + 1, last + 3)]
    assert found.index(gaps[0]) < [isinstance(e, Trades) for e in found].index(True)


async def test_says_which_trades_are_missing_inside_a_page(exchange):
    """
    A hole between two trades of one answer is a hole all the same.
    """
    events = await events_of(follower(exchange))
    last = trade_ids(events)[-1]

    class Forgetful:
        page_size, window_ms = exchange.binance.page_size, exchange.binance.window_ms
        snapshot, candles = exchange.binance.snapshot, exchange.binance.candles
        last_raw_id = exchange.binance.last_raw_id

        async def trades_from(self, symbol, first_id):
            page = await exchange.binance.trades_from(symbol, first_id)
            return [t for t in page if t.trade_id not in (last + 3, last + 4)]

    exchange.clock.ms += 5 * MINUTE_MS
    found = await events_of(Follower(Forgetful(), BTC, progress_after(events), history_bars=0))

    kinds = [kind for kind, _ in groupby(type(e) for e in found if isinstance(e, Trades | Gap))]
    gaps = [e for e in found if isinstance(e, Gap)]
    assert kinds == [Trades, Gap, Trades]
    assert [(g.first_id, g.last_id) for g in gaps] == [(last + 3, last + 4)]
    assert trade_ids(found)[:3] == [last + 1, last + 2, last + 5]
