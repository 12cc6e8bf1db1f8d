"""The KPI engine: saving and resuming, repetitions, late trades, sessions, second bars."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.kpis.engine import KpiEngine
from include.kpis.records import (
    MINUTE_MS,
    Candle,
    CandlePoint,
    Gap,
    LastTradePoint,
    PricePoint,
    SecondPoint,
    Trade,
    Trades,
)
from include.kpis.registry import NAMES
from include.kpis.second_bars import ALLOWED_LATENESS_MS
from tests.kpis import simulated
from tests.kpis.simulated import START_MS
from tests.kpis.test_pandas_parity import snapshot
from tests.kpis.test_snapshot_kpis import SNAPSHOT

DAY_MS = 86_400_000


def batch(*trades):
    return Trades("binance", "BTC/USDT", 0, tuple(trades))


def trade(trade_id, ts_ms, price=100.0, amount=1.0, side="buy"):
    return Trade(trade_id, trade_id, trade_id, ts_ms, price, amount, side)


def fold_of(events):
    engine = KpiEngine()
    return [point for event in events for point in engine.update(event)]


def price(points):
    return [p for p in points if isinstance(p, PricePoint)][-1].values


def seconds(points):
    return {p.ts_ms: p.values for p in points if isinstance(p, SecondPoint)}


@pytest.fixture(scope="module")
def hours():
    """Events of three hours across midnight, in the order the producer publishes them."""
    history, symbol = simulated.market(trades_per_minute=60.0)
    start_ms = START_MS - 60 * MINUTE_MS
    events = []
    for candle in simulated.candles(history, symbol, start_ms, 180):
        for part in range(0, 60_000, 5_000):
            now_ms = candle.open_ts_ms + part
            page = simulated.trades(history, symbol, now_ms, now_ms + 5_000)
            if page:
                events.append(batch(*page))
            events.append(snapshot(now_ms + 4_999, candle.close))
        events.append(candle)
    return events


def test_a_point_has_every_name_of_the_registry():
    """
    The engine, the registry, the README and the dashboards use one list of names.
    """
    (point,) = KpiEngine().update(SNAPSHOT)

    assert set(point.values) == set(NAMES)


@pytest.mark.parametrize("cut", [0, 1, 7, 100, 533, 1700])
def test_a_resumed_engine_makes_the_same_points(hours, cut):
    """
    Law 3: saved as JSON and restored at any event, to the last bit.
    """
    engine = KpiEngine()
    points = [p for event in hours[:cut] for p in engine.update(event)]
    resumed = KpiEngine.resume(json.loads(json.dumps(engine.state())))
    points += [p for event in hours[cut:] for p in resumed.update(event)]

    assert points == fold_of(hours)


def test_the_state_does_not_grow(hours):
    """
    Law 3: its size after three hours is that after one.
    """
    engine = KpiEngine()
    sizes = []
    for event in hours:
        engine.update(event)
        sizes.append(len(json.dumps(engine.state())))

    assert max(sizes) < 4_000
    assert sizes[-1] < 2 * sizes[len(sizes) // 3]


@pytest.mark.parametrize("state", [{}, {"binance:BTC/USDT": {}}, {"v": 2, "markets": {}}])
def test_resume_refuses_a_state_of_another_version(state):
    with pytest.raises(ValueError, match="expected a state of version 3, found"):
        KpiEngine.resume(state)


def test_a_day_needs_no_more_state_than_an_hour():
    """
    Law 3: after a day of trades and candles the state has a handful of bars and minutes.
    """
    engine, held = KpiEngine(), []
    for event in simulated.day():
        engine.update(event)
        if isinstance(event, Candle):
            (market,) = engine.state()["markets"].values()
            held.append(len(market["second_bars"]["bars"]) + len(market["session"]["minutes"]))

    assert len(held) == 1440
    assert max(held) <= 8
    assert max(held[-60:]) <= max(held[:60])


def test_repeated_events_change_nothing(hours):
    """
    Trades, candles and snapshots seen before make no point and leave the state as it is.
    """
    engine = KpiEngine()
    once = [p for event in hours[:600] for p in engine.update(event)]
    state = engine.state()

    again = [p for event in hours[300:600] for p in engine.update(event)]

    assert once
    assert again == []
    assert engine.state() == state


def test_second_bars_are_the_trades_of_their_second(hours):
    found = seconds(fold_of(hours))
    trades = [t for e in hours if isinstance(e, Trades) for t in e.trades]
    last_ms = max(found)

    by_second = {}
    for t in trades:
        if t.first_id >= 0 and t.ts_ms // 1000 * 1000 <= last_ms:
            by_second.setdefault(t.ts_ms // 1000 * 1000, []).append(t)
    assert found.keys() == by_second.keys()
    for start_ms, inside in by_second.items():
        bar = found[start_ms]
        prices = [t.price for t in inside]
        assert (bar["open"], bar["close"]) == (prices[0], prices[-1])
        assert (bar["high"], bar["low"]) == (max(prices), min(prices))
        assert bar["trades"] == len(inside)
        assert bar["volume"] == pytest.approx(math.fsum(t.amount for t in inside), rel=1e-12)
        bought = math.fsum(t.amount for t in inside if t.side == "buy")
        assert bar["buy_volume"] == pytest.approx(bought, rel=1e-12)


def test_a_late_trade_counts_while_its_bar_is_open():
    """
    Within the allowed lateness a trade changes its bar. After that it is only counted.
    """
    base = START_MS
    engine = KpiEngine()
    engine.update(batch(trade(1, base + 100, 100.0)))
    engine.update(batch(trade(2, base + 2_500, 101.0)))
    in_time = engine.update(
        batch(trade(3, base + 200, 103.0), trade(4, base + 1_000 + ALLOWED_LATENESS_MS))
    )
    too_late = engine.update(batch(trade(5, base + 300, 99.0)))

    (bar,) = [p for p in in_time if p.ts_ms == base]
    assert (bar.values["open"], bar.values["close"], bar.values["trades"]) == (100.0, 103.0, 2)
    assert too_late == []
    assert engine.state()["markets"]["binance:BTC/USDT"]["second_bars"]["late_trades"] == 1


def test_the_vwap_of_one_trade_is_its_price():
    """Law 2."""
    points = fold_of([batch(trade(1, START_MS + 5, 0.00000637)), snapshot(START_MS + 9, 0.0000064)])

    assert price(points)["vwap"] == pytest.approx(0.00000637, rel=1e-15)
    assert price(points)["session_high"] == price(points)["session_low"] == 0.00000637


def test_a_session_without_a_trade_has_no_values():
    values = price(fold_of([snapshot(START_MS + 9, 100.0)]))

    names = ("vwap", "vwap_deviation_bps", "session_high", "session_low", "macd", "macd_signal")
    assert [values[n] for n in (*names, "price_change_pct_session")] == [None] * 7
    assert values["macd_ready"] == 0.0


def test_a_voided_aggregate_is_ignored():
    """
    Binance marks a voided aggregate with first = last = -1.
    """
    void = Trade(2, -1, -1, START_MS + 6, 5_000.0, 9.0, "buy")

    with_it = fold_of([batch(trade(1, START_MS + 5), void), snapshot(START_MS + 9, 100.0)])

    assert price(with_it)["vwap"] == 100.0


def test_yesterdays_late_trades_and_candles_never_enter_today(hours):
    """
    The session resets by event time. Late events of the day before do not change today.
    """
    history, symbol = simulated.market(trades_per_minute=60.0)
    (last,) = simulated.candles(history, symbol, START_MS - MINUTE_MS, 1)
    today = batch(trade(10, START_MS + 5, 50.0))
    late = batch(trade(11, START_MS - 1, 9_999.0))

    values = price(fold_of([today, late, last, snapshot(START_MS + 9, 50.0)]))

    assert (values["vwap"], values["session_high"], values["session_low"]) == (50.0, 50.0, 50.0)


def test_gaps_are_counted():
    engine = KpiEngine()

    assert engine.update(Gap("binance", "BTC/USDT", START_MS, 5, 9, "gone")) == []
    assert engine.state()["markets"]["binance:BTC/USDT"]["missing_trades"] == 5


def newest(points):
    return [point for point in points if isinstance(point, LastTradePoint)]


def test_the_last_trade_is_the_newest_price_at_the_start_of_its_second():
    points = fold_of([batch(trade(1, START_MS + 100, 10.0), trade(2, START_MS + 1_900, 11.0))])

    assert newest(points) == [
        LastTradePoint("binance", "BTC/USDT", START_MS + 1_000, {"price": 11.0})
    ]


def test_a_voided_trade_is_not_the_last_trade():
    good, void = trade(1, START_MS, 10.0), Trade(2, -1, -1, START_MS + 1_000, 99.0, 1.0, "buy")

    assert [point.values for point in newest(fold_of([batch(good, void)]))] == [{"price": 10.0}]
    assert newest(fold_of([batch(void)])) == []


def test_a_repeated_trade_is_not_the_last_trade():
    engine = KpiEngine()
    first, second = trade(1, START_MS, 10.0), trade(2, START_MS + 100, 11.0)
    engine.update(batch(first, second))

    assert newest(engine.update(batch(first))) == []
    assert newest(engine.update(batch(first, second))) == []


prices = st.floats(1e-6, 1e6)
amounts = st.floats(1e-5, 1e9)
sides = st.sampled_from(["buy", "sell"])
several = st.lists(
    st.tuples(st.integers(0, 59_999), prices, amounts, sides), min_size=1, max_size=30
)


def of_minute(rows):
    ordered = sorted(rows, key=lambda r: r[0])
    return [Trade(i, i, i, START_MS + ts, p, a, s) for i, (ts, p, a, s) in enumerate(ordered, 1)]


@given(several)
@settings(max_examples=60, deadline=None)
def test_the_vwap_is_between_low_and_high(rows):
    values = price(fold_of([batch(*of_minute(rows)), snapshot(START_MS + 59_999, rows[-1][1])]))

    assert values["session_low"] * (1 - 1e-12) <= values["vwap"]
    assert values["vwap"] <= values["session_high"] * (1 + 1e-12)


@given(several, st.sampled_from([1e-3, 2.0, 1e3]))
@settings(max_examples=60, deadline=None)
def test_scaling_prices_scales_the_session(rows, k):
    """
    Law 2: scaling all prices by k scales price KPIs by k and leaves ratios.
    """
    plain = of_minute(rows)
    scaled = [t._replace(price=t.price * k) for t in plain]

    before = price(fold_of([batch(*plain), snapshot(START_MS + 59_999, 10.0)]))
    after = price(fold_of([batch(*scaled), snapshot(START_MS + 59_999, 10.0 * k)]))

    for name in ("vwap", "session_high", "session_low"):
        assert after[name] == pytest.approx(before[name] * k, rel=1e-9)
    assert after["price_change_pct_session"] == pytest.approx(
        before["price_change_pct_session"], rel=1e-9, abs=1e-9
    )


@given(several, st.randoms())
@settings(max_examples=60, deadline=None)
def test_splitting_and_permuting_trades_changes_nothing(rows, random):
    """
    Law 2: halved trades, and trades of one millisecond in another order, give the same values.
    """
    whole = [t._replace(ts_ms=START_MS + 7) for t in of_minute(rows)]
    halves = [t._replace(amount=t.amount / 2) for t in whole for _ in (0, 1)]
    random.shuffle(halves)
    split = [t._replace(trade_id=i, first_id=i, last_id=i) for i, t in enumerate(halves, 1)]

    one = price(fold_of([batch(*whole), snapshot(START_MS + 59_999, 10.0)]))
    other = price(fold_of([batch(*split), snapshot(START_MS + 59_999, 10.0)]))

    assert other["vwap"] == pytest.approx(one["vwap"], rel=1e-9)
    assert (other["session_high"], other["session_low"]) == (
        one["session_high"],
        one["session_low"],
    )


def test_a_candle_replaces_the_trades_of_its_minute(hours):
    """
    The candle covers trades of its minute that were missed.
    """
    history, symbol = simulated.market(trades_per_minute=60.0)
    (candle,) = simulated.candles(history, symbol, START_MS, 1)
    few = batch(trade(1, START_MS + 5, candle.open, 0.001))

    points = fold_of([few, candle, snapshot(START_MS + MINUTE_MS + 5, candle.close)])

    exact = candle.quote_volume / candle.volume
    assert price(points)["vwap"] == pytest.approx(exact, rel=1e-12)
    assert [p.values["vwap"] for p in points if isinstance(p, CandlePoint)] == [exact]


def test_trades_of_a_minute_without_a_candle_stay_in_the_session():
    """
    A missing candle does not remove the trades of its minute.
    """
    history, symbol = simulated.market(trades_per_minute=60.0)
    first, _, third = simulated.candles(history, symbol, START_MS, 3)
    only = batch(trade(1, START_MS + MINUTE_MS + 5, first.close, 2.0))

    points = fold_of([first, only, third, snapshot(START_MS + 3 * MINUTE_MS + 5, third.close)])

    notional = first.quote_volume + first.close * 2.0 + third.quote_volume
    exact = notional / (first.volume + 2.0 + third.volume)
    assert price(points)["vwap"] == pytest.approx(exact, rel=1e-12)


def test_without_quote_volume_the_session_uses_the_typical_price():
    history, symbol = simulated.market(trades_per_minute=60.0)
    (candle,) = simulated.candles(history, symbol, START_MS, 1)
    incomplete = replace(candle, quote_volume=None, trade_count=None)

    points = fold_of([incomplete, snapshot(START_MS + MINUTE_MS + 5, candle.close)])

    typical = (candle.high + candle.low + candle.close) / 3
    assert price(points)["vwap"] == pytest.approx(typical, rel=1e-12)
