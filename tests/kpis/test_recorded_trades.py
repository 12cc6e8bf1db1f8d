"""Recorded trades across a UTC midnight: session KPIs are those of the day's trades."""

import math
from pathlib import Path

import pytest

from include.kpis.engine import KpiEngine
from include.kpis.records import MINUTE_MS, PricePoint, Trades
from include.simulator.history import History
from include.simulator.tape_market import TapeMarket
from tests.kpis import simulated
from tests.kpis.test_pandas_parity import snapshot

TAPES = Path(__file__).parents[3] / "shared" / "tapes"
PATHS = tuple(TAPES / f"binance-spot-btcusdt-2024080{day}.gz" for day in (8, 9))
MIDNIGHT_MS = 1_723_161_600_000  # 2024-08-09


def test_the_session_is_exact_on_both_sides_of_midnight():
    """
    Nine minutes of trades and candles, a snapshot each second: vwap, high and low are exact.
    """
    if absent := [str(path) for path in PATHS if not path.is_file()]:
        pytest.skip(f"recorded tapes are not here: {', '.join(absent)}")
    tape = TapeMarket(PATHS)
    history, symbol = History(tape), tape.symbols[0]
    start_ms, end_ms = MIDNIGHT_MS - 5 * MINUTE_MS, MIDNIGHT_MS + 4 * MINUTE_MS
    fold, seen, checked = KpiEngine(), [], 0

    for now_ms in range(start_ms, end_ms, 1_000):
        if page := simulated.trades(history, symbol, now_ms, now_ms + 1_000):
            fold.update(Trades("binance", "BTC/USDT", 0, tuple(page)))
            seen += page
        if (now_ms + 1_000) % MINUTE_MS == 0:
            for candle in simulated.candles(history, symbol, now_ms + 1_000 - MINUTE_MS, 1):
                fold.update(candle)
        points = fold.update(snapshot(now_ms + 999, 61_700.0))
        (values,) = [p.values for p in points if isinstance(p, PricePoint)]
        today = [t for t in seen if (t.ts_ms < MIDNIGHT_MS) == (now_ms < MIDNIGHT_MS)]
        if not today:
            assert values["vwap"] is None
            continue
        exact = math.fsum(t.price * t.amount for t in today) / math.fsum(t.amount for t in today)
        assert values["vwap"] == pytest.approx(exact, rel=1e-12)
        assert values["session_high"] == max(t.price for t in today)
        assert values["session_low"] == min(t.price for t in today)
        checked += 1

    assert checked > 500
    assert len(seen) > 12_000
