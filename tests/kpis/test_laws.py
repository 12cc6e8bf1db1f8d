"""Laws of KPIS at their limits: the last bit, batch boundaries, midnight, missing candles."""

import itertools
import json
import math
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.kpis.engine import KpiEngine
from include.kpis.pandas_indicators import WARM_UP_CANDLES, compute_indicators
from include.kpis.records import MINUTE_MS, Candle, CandlePoint, PricePoint, Trade
from tests.kpis import simulated
from tests.kpis.simulated import START_MS
from tests.kpis.test_engine import batch, fold_of, price, prices, seconds, several, trade
from tests.kpis.test_pandas_parity import MACD, frame, snapshot, streamed

MARKET = "binance:BTC/USDT"


def of_minute(rows):
    return [Trade(i, i, i, START_MS + ts, p, a, s) for i, (ts, p, a, s) in enumerate(rows, 1)]


@given(several)
@settings(max_examples=200, deadline=None)
def test_an_average_price_is_within_low_and_high(rows):
    """
    Law 2, to the last bit: the SQL check `session_low <= vwap` has no tolerance either.
    """
    points = fold_of([batch(*of_minute(rows)), snapshot(START_MS + 99_999, 10.0)])

    session = price(points)
    assert session["session_low"] <= session["vwap"] <= session["session_high"]
    for bar in seconds(points).values():
        assert bar["low"] <= bar["vwap"] <= bar["high"]


@given(prices, st.floats(1e-5, 1e9))
@settings(max_examples=200, deadline=None)
def test_the_vwap_of_one_trade_is_its_price_to_the_last_bit(paid, amount):
    points = fold_of([batch(trade(1, START_MS, paid, amount)), snapshot(START_MS + 9_999, 10.0)])

    assert price(points)["vwap"] == paid
    assert [bar["vwap"] for bar in seconds(points).values()] == [paid]


@given(several, st.integers(1, 29))
@settings(max_examples=100, deadline=None)
def test_the_batching_of_trades_changes_no_bar(rows, size):
    """
    Whether a trade is late depends on the trades before it, not on where a record ends.
    """
    trades = of_minute(rows)
    last = snapshot(START_MS + 99_999, 10.0)

    whole, parts = KpiEngine(), KpiEngine()
    one = [p for event in (batch(*trades), last) for p in whole.update(event)]
    records = [batch(*some) for some in itertools.batched(trades, size)]
    other = [p for event in (*records, last) for p in parts.update(event)]

    assert seconds(one) == seconds(other)
    assert price(one) == price(other)
    assert whole.state() == parts.state()


def test_a_snapshot_of_yesterday_ignores_trades_of_today():
    """
    The producer requests the ticker, then trades. At midnight the trades may be of the next day.
    """
    yesterday = batch(trade(1, START_MS - 500, 50.0))
    today = batch(trade(2, START_MS + 5, 70.0))

    values = price(fold_of([yesterday, today, snapshot(START_MS - 1, 50.0)]))

    assert (values["vwap"], values["session_high"], values["session_low"]) == (50.0, 50.0, 50.0)


def test_trades_without_candles_need_bounded_memory():
    """
    Candles are missing for three days: the session is correct and the state small.
    """
    fold, day, size = KpiEngine(), [], 0
    for i in range(3 * 1440):
        one = trade(i, START_MS + i * MINUTE_MS, 100.0 + i % 7, 1.0 + i % 3)
        fold.update(batch(one))
        size = max(size, len(json.dumps(fold.state())))
        day = [*day, one] if i % 1440 else [one]
    (point,) = fold.update(snapshot(START_MS + 3 * 1440 * MINUTE_MS - 1, 100.0))[-1:]

    exact = math.fsum(t.price * t.amount for t in day) / math.fsum(t.amount for t in day)
    assert point.values["vwap"] == pytest.approx(exact, rel=1e-15)
    assert size < 4_000


def test_a_delayed_candle_is_not_counted_twice():
    """
    The oldest minutes are final without candles when their candles arrive.
    """
    trades = [trade(i, START_MS + i * MINUTE_MS, 100.0 + i, 2.0) for i in range(40)]
    candles = [
        Candle("binance", "BTC/USDT", t.ts_ms, 0, *[t.price] * 4, 2.0, 2.0 * t.price, 1)
        for t in trades
    ]

    values = price(fold_of([batch(*trades), *candles, snapshot(START_MS + 41 * MINUTE_MS, 100.0)]))

    assert values["vwap"] == pytest.approx(119.5, rel=1e-15)


def test_without_quote_volume_the_session_uses_the_known_trades():
    """
    They are better than the typical price, which needs no trade.
    """
    history, symbol = simulated.market(trades_per_minute=60.0)
    (candle,) = simulated.candles(history, symbol, START_MS, 1)
    known = simulated.trades(history, symbol, START_MS, START_MS + MINUTE_MS)
    incomplete = replace(candle, quote_volume=None, trade_count=None)

    points = fold_of([batch(*known), incomplete, snapshot(START_MS + MINUTE_MS + 5, candle.close)])

    exact = candle.quote_volume / candle.volume
    assert price(points)["vwap"] == pytest.approx(exact, rel=1e-12)
    assert [p.values["vwap"] for p in points if isinstance(p, CandlePoint)] == [None]


def test_a_day_of_trades_is_summed_without_rounding_drift():
    """
    With amounts of 1e-5 and 1e9 the session is the correctly rounded sum.
    """
    trades = [
        trade(i, START_MS + i * 60, 0.00000637 + i % 11 * 1e-8, (1e-5, 1e9, 0.1)[i % 3])
        for i in range(50_000)
    ]
    fold = KpiEngine()
    for some in itertools.batched(trades, 500):
        fold.update(batch(*some))

    exact = math.fsum(t.price * t.amount for t in trades) / math.fsum(t.amount for t in trades)
    values = price(fold.update(snapshot(START_MS + 3_600_000, 1e-5)))
    assert values["vwap"] == pytest.approx(exact, rel=1e-15)


def test_the_engine_returns_no_infinity():
    """
    With an extreme price that a record may hold, KPIs that overflow are None.
    """
    values = price(fold_of([batch(trade(1, START_MS, 5e-324)), snapshot(START_MS + 9, 1e17)]))

    assert values["vwap"] == 5e-324
    assert values["vwap_deviation_bps"] is None
    assert values["price_change_pct_session"] is None


@pytest.mark.parametrize("name", ["BTC/USDT", "LRC/BTC"])
def test_equals_pandas_ta_to_1e_9_of_the_value_itself(name):
    """
    Law 1 as written: relative to the value, not to the price. MACD crosses 0 in between.
    """
    history, symbol = simulated.market(name)
    candles = simulated.candles(history, symbol, START_MS, 8 * 1440)

    stream, twin = streamed(candles), compute_indicators(frame(candles))

    for column in (*MACD, "vwap"):
        assert worst(stream[column], twin[column]) <= 1e-9


@pytest.mark.parametrize("cut", [WARM_UP_CANDLES, 1440, 3333, 7777])
def test_a_window_with_warm_up_equals_the_stream(cut):
    """
    Law 4, against the stream over all candles. Where MACD crosses 0, the remainder of another
    seed, 1e-14 of the price, is more than 1e-9 of the value.
    """
    history, symbol = simulated.market()
    candles = simulated.candles(history, symbol, START_MS, 8 * 1440)[: cut + 500]

    stream = streamed(candles)[cut:]
    twin = compute_indicators(frame(candles[cut - WARM_UP_CANDLES :]))[WARM_UP_CANDLES:]

    for column in MACD:
        assert worst(stream[column], twin[column], floor=1e-14 * candles[0].close) <= 1e-9


def worst(one, other, *, floor=0.0):
    """Return the largest difference relative to the value; ignore differences up to *floor*."""
    one, other = one.to_numpy(), other.to_numpy()
    assert (pd.isna(one) == pd.isna(other)).all()
    pairs = [
        (a, b) for a, b in zip(one, other, strict=True) if not pd.isna(a) and abs(a - b) > floor
    ]
    assert not pd.isna(one).all()
    return max((abs(a - b) / max(abs(a), abs(b)) for a, b in pairs), default=0.0)


def test_pandas_indicators_leave_the_warning_filters_alone():
    import warnings

    before = list(warnings.filters)
    history, symbol = simulated.market()
    compute_indicators(frame(simulated.candles(history, symbol, START_MS, 100)))

    assert warnings.filters == before


def any_order(draws):
    """Make events around midnight: trades out of order; candles missing, late and repeated."""
    ids, events = itertools.count(1), []
    for kind, minute, paid, amount in draws:
        ts_ms = START_MS + minute * MINUTE_MS + int(paid * 997) % MINUTE_MS
        if kind == "trade":
            events.append(batch(trade(next(ids), ts_ms, paid, amount)))
        elif kind == "snapshot":
            events.append(snapshot(ts_ms, paid))
        else:
            open_ms = START_MS + minute * MINUTE_MS
            quote = paid * amount if kind == "candle" else None
            ohlc = (paid, paid * 1.01, paid * 0.99, paid)
            events.append(Candle("binance", "BTC/USDT", open_ms, 0, *ohlc, amount, quote, 1))
    return events


disorder = st.lists(
    st.tuples(
        st.sampled_from(
            ["trade", "trade", "trade", "snapshot", "candle", "candle without quote volume"]
        ),
        st.integers(-20, 20),
        st.floats(1.0, 1e5),
        st.floats(1e-5, 1e5),
    ),
    max_size=60,
)


@given(disorder, st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_a_resumed_engine_makes_the_same_points_in_any_order(draws, cut):
    """
    Law 3, to the last bit, for events in an order that no exchange sends.
    """
    events = any_order(draws)
    fold = KpiEngine()
    points = [p for event in events[:cut] for p in fold.update(event)]
    resumed = KpiEngine.resume(json.loads(json.dumps(fold.state(), allow_nan=False)))
    points += [p for event in events[cut:] for p in resumed.update(event)]

    assert points == fold_of(events)
    assert len(json.dumps(resumed.state())) < 4_000


@given(disorder)
@settings(max_examples=200, deadline=None)
def test_a_session_has_only_prices_of_its_day(draws):
    """
    A late price of one day is never in the high, low or average of the other.
    """
    events = any_order(draws)
    split = START_MS
    paid = {True: set(), False: set()}
    fold = KpiEngine()
    for event in events:
        if isinstance(event, Candle):
            paid[event.open_ts_ms < split] |= {event.high, event.low}
        for one in getattr(event, "trades", ()):
            paid[one.ts_ms < split] |= {one.price}
        for point in fold.update(event):
            if isinstance(point, PricePoint) and point.values["vwap"] is not None:
                inside = paid[point.ts_ms < split]
                high, low = point.values["session_high"], point.values["session_low"]
                assert {high, low} <= inside
                assert low <= point.values["vwap"] <= high
