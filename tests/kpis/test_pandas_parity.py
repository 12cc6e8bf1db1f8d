"""Law 1: the streaming indicators equal those of pandas-ta at every closed candle."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from include.kpis.engine import KpiEngine
from include.kpis.pandas_indicators import WARM_UP_CANDLES, compute_indicators
from include.kpis.records import (
    MINUTE_MS,
    Candle,
    CandlePoint,
    Level,
    MarketSnapshot,
    PricePoint,
    Trades,
)
from tests.kpis import simulated
from tests.kpis.simulated import START_MS

MINUTES = 8 * 1440
MACD = ("macd", "macd_signal", "macd_hist")


def snapshot(event_ts_ms, close, symbol="BTC/USDT"):
    return MarketSnapshot(
        "binance", symbol, event_ts_ms, event_ts_ms, None, None, None, close, None, None,
        (Level(close * 0.999, 1.0),), (Level(close * 1.001, 1.0),),
    )  # fmt: skip


def frame(candles):
    index = pd.to_datetime([c.open_ts_ms for c in candles], unit="ms", utc=True)
    columns = ("open", "high", "low", "close", "volume", "quote_volume")
    return pd.DataFrame({c: [getattr(k, c) for k in candles] for c in columns}, index=index)


def streamed(candles):
    """Fold the candles with a snapshot after each; return MACD and session vwap of each."""
    fold, rows = KpiEngine(), []
    for candle in candles:
        (closed,) = [p for p in fold.update(candle) if isinstance(p, CandlePoint)]
        end_ms = candle.open_ts_ms + MINUTE_MS - 1
        (point,) = [
            p
            for p in fold.update(snapshot(end_ms, candle.close, candle.symbol))
            if isinstance(p, PricePoint)
        ]
        assert all(closed.values[name] == point.values[name] for name in MACD)
        assert closed.values["session_vwap"] == point.values["vwap"]
        rows.append([point.values[name] for name in (*MACD, "vwap")])
    return pd.DataFrame(rows, columns=[*MACD, "vwap"], dtype=float)


def assert_equal(stream, batch, scale):
    """Assert values at the same candles that agree to 1e-9 of the price."""
    for name in (*MACD, "vwap"):
        one, other = stream[name].to_numpy(), batch[name].to_numpy()
        assert (pd.isna(one) == pd.isna(other)).all(), name
        assert pd.isna(one).sum() < 40, name
        worst = max(abs(a - b) for a, b in zip(one, other, strict=True) if not math.isnan(a))
        assert worst / scale <= 1e-9, (name, worst)


@pytest.fixture(scope="module", params=["BTC/USDT", "LRC/BTC"])
def week(request):
    history, symbol = simulated.market(request.param)
    return simulated.candles(history, symbol, START_MS, MINUTES)


def test_equals_pandas_ta_over_eight_days(week):
    """
    11,520 candles, eight midnights, quiet minutes, prices of 90,000 and of 0.000001.
    """
    assert sum(c.volume == 0 for c in week) > 20

    assert_equal(streamed(week), compute_indicators(frame(week)), week[0].close)


@pytest.mark.parametrize("volume", [1e-5, 1e9])
def test_equals_pandas_ta_for_any_volume(week, volume):
    scaled = [
        replace(c, volume=c.volume * volume, quote_volume=c.quote_volume * volume)
        for c in week[:3000]
    ]

    assert_equal(streamed(scaled), compute_indicators(frame(scaled)), week[0].close)


@pytest.mark.parametrize("cut", [500, 1439, 1440, 4000, 9999])
def test_a_window_with_warm_up_gives_the_same_numbers(week, cut):
    """
    Law 4: a batch that reads 400 candles before its window agrees with one that read them all.
    The session's vwap requires its whole session.
    """
    session = cut - cut % 1440
    whole = compute_indicators(frame(week)).iloc[cut : cut + 200]
    lines = compute_indicators(frame(week[max(0, cut - WARM_UP_CANDLES) : cut + 200])).iloc[-200:]
    day = compute_indicators(frame(week[session : cut + 200])).iloc[-200:]

    for name in MACD:
        assert (abs(lines[name] - whole[name]) / week[0].close).max() <= 1e-9
    assert (abs(day["vwap"] - whole["vwap"]) / week[0].close).max() <= 1e-9


def test_a_missing_candle_is_filled_in_the_engine_only(week):
    """
    Law 6: the close is carried, the volume is 0, and the filled minute makes no point.
    """
    holed = week[:600] + week[605:1200]
    flat = [
        Candle(
            "binance", c.symbol, c.open_ts_ms, 0, *[week[599].close] * 4, 0.0, 0.0, 0
        )
        for c in week[600:605]
    ]  # fmt: skip
    whole = week[:600] + flat + week[605:1200]

    stream = streamed(holed)
    batch = compute_indicators(frame(whole)).drop(index=frame(flat).index)

    assert_equal(stream, batch, week[0].close)


def test_the_first_values_are_at_bars_26_and_34(week):
    stream = streamed(week[:40])

    assert stream["macd"].first_valid_index() == 25
    assert stream["macd_signal"].first_valid_index() == 33
    assert stream["macd_hist"].first_valid_index() == 33


def test_fewer_candles_than_pandas_ta_requires_give_no_values(week):
    assert compute_indicators(frame(week[:33]))[list(MACD)].isna().all(axis=None)


@pytest.mark.parametrize("broken", ["naive", "gap", "reversed"])
def test_refuses_an_unusable_index(week, broken):
    data = frame(week[:50])
    wrong = {
        "naive": data.tz_localize(None),
        "gap": data.drop(index=data.index[10]),
        "reversed": data.iloc[::-1],
    }[broken]

    with pytest.raises(ValueError, match="expected"):
        compute_indicators(wrong)


def test_session_vwap_is_trade_exact_before_and_after_midnight():
    """
    Closed candles plus the open minute's trades are the sum over all trades of the UTC day.
    """
    history, symbol = simulated.market(trades_per_minute=40.0)
    start_ms = START_MS - 90 * MINUTE_MS
    minutes = {c.open_ts_ms: c for c in simulated.candles(history, symbol, start_ms, 180)}
    fold, day = KpiEngine(), []
    checked = 0
    for minute_ms, candle in minutes.items():
        for second in range(0, 60, 7):
            now_ms = minute_ms + second * 1000
            page = simulated.trades(history, symbol, now_ms, min(now_ms + 7000, minute_ms + 60_000))
            if page:
                fold.update(Trades("binance", "BTC/USDT", 0, tuple(page)))
                day += page
            at_ms = min(now_ms + 7000, minute_ms + 60_000) - 1
            today = [t for t in day if t.ts_ms // 86_400_000 == at_ms // 86_400_000]
            (point,) = [p for p in fold.update(snapshot(at_ms, candle.close))
                        if isinstance(p, PricePoint)]  # fmt: skip
            if today:
                exact = math.fsum(t.price * t.amount for t in today)
                exact /= math.fsum(t.amount for t in today)
                assert point.values["vwap"] == pytest.approx(exact, rel=1e-12)
                assert point.values["session_high"] == max(t.price for t in today)
                assert point.values["session_low"] == min(t.price for t in today)
                checked += 1
            else:
                assert point.values["vwap"] is None
        fold.update(candle)
    assert checked > 1000
