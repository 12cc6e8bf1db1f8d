"""Laws of the generated market."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import Misconfigured
from include.simulator.clock import WallClock
from include.simulator.generated_market import LISTED_MS, GeneratedMarket
from include.simulator.generated_quotes import MAX_DEVIATION, PricePath, list_symbol
from include.simulator.history import History, SimulatedCandle
from include.simulator.market import DAY_MS, HOUR_MS, MINUTE_MS
from include.simulator.random_numbers import bits

SYMBOLS = ("BTC/USDT", "ETH/USDT", "LRC/BTC")
NEVER_MS = LISTED_MS + 4000 * DAY_MS
MARKET = GeneratedMarket(WallClock(), seed=7, symbols=SYMBOLS)
HISTORY = History(MARKET)

minutes = st.integers(LISTED_MS // MINUTE_MS, NEVER_MS // MINUTE_MS - 1440).map(
    lambda minute: minute * MINUTE_MS
)
symbols = st.sampled_from(MARKET.symbols)
some = settings(max_examples=25, deadline=None)


def trades_between(history, symbol, start_ms, end_ms, now_ms=NEVER_MS):
    return history.trades(
        symbol,
        history.next_id(symbol, start_ms, now_ms),
        history.next_id(symbol, end_ms, now_ms),
        now_ms,
    )


def sum_candle(open_ms, trades, previous_close):
    """Sum trades one by one, as the plain definition of a candle."""
    prices = [t.price_ticks for t in trades] or [previous_close]
    buys = [t for t in trades if not t.taker_sells]
    return SimulatedCandle(
        open_ms,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(t.lots for t in trades),
        sum(t.lots * t.price_ticks for t in trades),
        sum(t.last_raw - t.first_raw + 1 for t in trades),
        sum(t.lots for t in buys),
        sum(t.lots * t.price_ticks for t in buys),
    )


@some
@given(symbols, minutes, st.sampled_from([1, 5, 15, 60]))
def test_a_candle_is_the_aggregate_of_its_trades(symbol, start_ms, width):
    width_ms = width * MINUTE_MS
    start_ms = start_ms // width_ms * width_ms
    got = HISTORY.candles(symbol, width_ms, start_ms, start_ms + 3 * width_ms - 1, NEVER_MS)
    assert [c.open_ms for c in got] == [start_ms + i * width_ms for i in range(3)]
    previous = trades_between(HISTORY, symbol, start_ms - HOUR_MS, start_ms)
    close = previous[-1].price_ticks if previous else MARKET.opening_price(symbol)
    for candle in got:
        trades = trades_between(HISTORY, symbol, candle.open_ms, candle.open_ms + width_ms)
        assert candle == sum_candle(candle.open_ms, trades, close)
        close = candle.close


def test_a_daily_candle_is_the_aggregate_of_its_trades():
    symbol, start_ms = MARKET.symbols[1], LISTED_MS + 300 * DAY_MS
    (got,) = HISTORY.candles(symbol, DAY_MS, start_ms, start_ms, NEVER_MS)
    trades = trades_between(HISTORY, symbol, start_ms, start_ms + DAY_MS)
    assert got == sum_candle(start_ms, trades, 0)


@some
@given(symbols, st.integers(1, 4000), st.integers(0, 1439))
def test_ids_and_times_continue_across_minutes_hours_and_days(symbol, day, minute):
    border_ms = LISTED_MS + day * DAY_MS - minute * MINUTE_MS * (minute % 3)
    trades = trades_between(HISTORY, symbol, border_ms - 5 * MINUTE_MS, border_ms + 5 * MINUTE_MS)
    for before, after in itertools.pairwise(trades):
        assert after.trade_id == before.trade_id + 1
        assert after.first_raw == before.last_raw + 1
        assert after.ts_ms >= before.ts_ms
    for trade in trades:
        assert border_ms - 5 * MINUTE_MS <= trade.ts_ms < border_ms + 5 * MINUTE_MS
        assert trade.last_raw - trade.first_raw + 1 <= trade.lots
        assert trade.price_ticks > 0


def test_the_first_trade_has_id_0():
    for symbol in MARKET.symbols:
        first = HISTORY.trades(symbol, -5, 1, NEVER_MS)[0]
        assert (first.trade_id, first.first_raw) == (0, 0)
        assert first.ts_ms >= LISTED_MS
        assert HISTORY.candles(symbol, MINUTE_MS, 0, LISTED_MS - 1, NEVER_MS) == []


@some
@given(symbols, minutes, st.integers(0, HOUR_MS))
def test_live_trades_equal_history(generate, symbol, start_ms, elapsed_ms):
    """A new market at some time agrees with one read long after."""
    live = History(generate())
    now_ms = start_ms + elapsed_ms
    seen = trades_between(live, symbol, start_ms, now_ms + HOUR_MS, now_ms)
    assert seen == [t for t in trades_between(HISTORY, symbol, start_ms, now_ms + 1)]
    assert all(t.ts_ms <= now_ms for t in seen)
    open_ms = now_ms // MINUTE_MS * MINUTE_MS
    *closed, current = live.candles(symbol, MINUTE_MS, open_ms - 5 * MINUTE_MS, now_ms, now_ms)
    assert closed == HISTORY.candles(
        symbol, MINUTE_MS, open_ms - 5 * MINUTE_MS, open_ms - 1, NEVER_MS
    )
    so_far = trades_between(live, symbol, open_ms, now_ms + 1, now_ms)
    close = closed[-1].close if closed else MARKET.opening_price(symbol)
    assert current == sum_candle(open_ms, so_far, close)


def test_history_does_not_change_as_time_passes(generate):
    """Reading minute by minute gives the same trades as reading once later."""
    market = generate()
    history, symbol = History(market), market.symbols[0]
    start_ms = LISTED_MS + 40 * DAY_MS - 30 * MINUTE_MS
    seen, next_id = [], history.next_id(symbol, start_ms, start_ms)
    for now_ms in range(start_ms, start_ms + HOUR_MS, 7_777):
        page = history.trades(symbol, next_id, next_id + 1000, now_ms)
        seen += page
        next_id += len(page)
    assert seen == trades_between(HISTORY, symbol, start_ms, now_ms + 1)
    assert len(seen) > 1000


@pytest.mark.parametrize("change", [{"seed": 8}, {"trades_per_minute": 30.0}])
def test_another_seed_or_rate_is_another_market(generate, change):
    other = History(generate(**change))
    start_ms = LISTED_MS + 9 * DAY_MS
    mine = HISTORY.candles(MARKET.symbols[0], MINUTE_MS, start_ms, start_ms + HOUR_MS, NEVER_MS)
    theirs = other.candles(MARKET.symbols[0], MINUTE_MS, start_ms, start_ms + HOUR_MS, NEVER_MS)
    assert mine != theirs


@pytest.mark.parametrize("rate", [0.01, 1.0, 90.0, 2000.0])
def test_the_rate_is_the_requested_one(generate, rate):
    market = generate(symbols=("BTC/USDT",), trades_per_minute=rate)
    history, symbol = History(market), market.symbols[0]
    start_ms = LISTED_MS + 100 * DAY_MS
    count = history.next_id(symbol, start_ms + DAY_MS, NEVER_MS) - history.next_id(
        symbol, start_ms, NEVER_MS
    )
    assert count == max(1, round(rate * 1440))
    (candle,) = history.candles(symbol, MINUTE_MS, start_ms, start_ms, NEVER_MS)
    assert candle.open > 0  # however long ago the last trade was


def test_some_minutes_are_quiet_some_burst_some_trades_share_a_millisecond():
    symbol, start_ms = MARKET.symbols[0], LISTED_MS + 200 * DAY_MS
    day = HISTORY.candles(symbol, MINUTE_MS, start_ms, start_ms + DAY_MS - 1, NEVER_MS)
    assert len(day) == 1440
    quiet = [i for i, c in enumerate(day) if c.trades == 0]
    assert 5 < len(quiet) < 144
    for i in quiet[1:]:
        assert day[i].open == day[i].high == day[i].low == day[i].close == day[i - 1].close
        assert day[i].lots == day[i].quote == day[i].buy_lots == 0
    assert max(c.trades for c in day) > 400
    assert 50 < sorted(c.trades for c in day)[720] < 160
    trades = trades_between(HISTORY, symbol, start_ms, start_ms + HOUR_MS)
    times = [t.ts_ms for t in trades]
    assert len(set(times)) < 0.95 * len(times)
    spans = {t.last_raw - t.first_raw + 1 for t in trades}
    assert 1 in spans
    assert len(spans) >= 3


@pytest.mark.parametrize(("name", "low", "high"), [("BTC/USDT", 6e4, 12e4), ("ETH/USDT", 2e3, 5e3)])
def test_prices_stay_within_bounds(name, low, high):
    listing = list_symbol(name)
    path = PricePath(7, name, listing.base_ticks)
    for day in range(0, 20_000, 97):
        at = np.arange(LISTED_MS + day * DAY_MS, LISTED_MS + (day + 1) * DAY_MS, HOUR_MS)
        prices = path.mid_ticks(at) / 10**listing.symbol.price_decimals
        assert low <= prices.min()
        assert prices.max() <= high
    assert MAX_DEVIATION < 0.5


@pytest.mark.parametrize(
    ("name", "price_decimals", "lot_decimals"),
    [("BTC/USDT", 2, 5), ("ETH/USDT", 2, 4), ("LRC/BTC", 8, 0), ("SOL/USDT", 2, 3)],
)
def test_ticks_and_lots_equal_those_of_binance(name, price_decimals, lot_decimals):
    symbol = list_symbol(name).symbol
    assert (symbol.price_decimals, symbol.lot_decimals) == (price_decimals, lot_decimals)


@some
@given(st.from_regex(r"[A-Z0-9]{1,6}/(USDT|BTC|ETH|XYZ)", fullmatch=True))
def test_any_symbol_can_be_listed(name):
    listing = list_symbol(name)
    assert listing.base_ticks >= 150
    assert listing.trade_lots >= 1
    assert listing.symbol.price_decimals + listing.symbol.lot_decimals <= 8


@some
@given(symbols, minutes, st.integers(0, MINUTE_MS))
def test_the_book_is_sorted_complete_and_around_the_last_trade(symbol, start_ms, offset_ms):
    now_ms = start_ms + offset_ms
    book = MARKET.book(symbol, 1000, now_ms)
    bids, asks = [p for p, _ in book.bids], [p for p, _ in book.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert 0 < bids[-1] <= bids[0] < asks[0]
    assert all(lots >= 1 for _, lots in book.bids + book.asks)
    assert len(asks) == 1000
    assert len(bids) == 1000 or bids[-1] == 1
    small = MARKET.book(symbol, 5, now_ms)
    assert small == (book.last_update_id, book.bids[:5], book.asks[:5])
    later = MARKET.book(symbol, 5, now_ms + 1000)
    assert later.last_update_id == book.last_update_id + 10
    trades = trades_between(HISTORY, symbol, now_ms - 2000, now_ms + 1)
    if trades:
        assert abs(trades[-1].price_ticks - bids[0]) <= max(3, bids[0] // 500)


def test_a_trade_is_within_the_book_of_its_time():
    symbol, start_ms = MARKET.symbols[0], LISTED_MS + 77 * DAY_MS
    trades = trades_between(HISTORY, symbol, start_ms, start_ms + 5 * MINUTE_MS)
    assert {t.taker_sells for t in trades} == {True, False}
    for trade in trades:
        book = MARKET.book(symbol, 1, trade.ts_ms)
        if trade.taker_sells:
            assert trade.price_ticks <= book.bids[0][0]
        else:
            assert trade.price_ticks >= book.asks[0][0]


def test_the_imbalance_of_the_book_varies():
    symbol, shares = MARKET.symbols[0], []
    for now_ms in range(LISTED_MS + DAY_MS, LISTED_MS + DAY_MS + HOUR_MS, 30_000):
        book = MARKET.book(symbol, 20, now_ms)
        bid, ask = sum(q for _, q in book.bids), sum(q for _, q in book.asks)
        shares.append((bid - ask) / (bid + ask))
    assert min(shares) < -0.2
    assert max(shares) > 0.2


def test_a_stream_of_bits_never_changes():
    """Golden: splitmix64 from 0, as in its authors' C code."""
    assert [hex(b) for b in bits(0, np.arange(1, 4)).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"symbols": ()}, "no symbols"),
        ({"symbols": ("btcusdt",)}, "BASE/QUOTE"),
        ({"symbols": ("AB/C", "A/BC")}, "ABC is listed twice"),
        ({"trades_per_minute": 0.0}, "more than 0"),
        ({"trades_per_minute": 1e9}, "at most"),
    ],
)
def test_invalid_options_are_rejected(generate, options, message):
    with pytest.raises(Misconfigured, match=message):
        generate(**options)
