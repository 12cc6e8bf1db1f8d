"""The golden file of pandas-ta's values, and TA-Lib as an oracle that shares no code."""

import json
from pathlib import Path

import pytest

from include.kpis.records import Candle
from tests.kpis.make_golden import SERIES, main
from tests.kpis.test_pandas_parity import MACD, assert_equal, frame, streamed

GOLDEN = Path(__file__).parent / "golden" / "indicators.json"


@pytest.mark.parametrize("name", SERIES)
def test_the_stream_gives_the_golden_numbers(name):
    """
    The file holds inputs and results, so that the tested code computes neither.
    """
    golden = json.loads(GOLDEN.read_text())[name]
    candles = [
        Candle("binance", "BTC/USDT", ts, 0, o, h, low, c, v, qv, None)
        for ts, o, h, low, c, v, qv in golden["candles"]
    ]

    found = streamed(candles)

    for column in (*MACD, "vwap"):
        for got, expected in zip(found[column], golden[column], strict=True):
            if expected is None:
                assert got != got
            else:
                assert got == pytest.approx(expected, rel=1e-9, abs=candles[0].close * 1e-9)


def test_the_golden_file_is_up_to_date(monkeypatch, tmp_path):
    """
    If `make golden` changes the file, find the cause before committing it.
    """
    monkeypatch.setattr("tests.kpis.make_golden.GOLDEN", tmp_path / "indicators.json")

    main()

    assert json.loads((tmp_path / "indicators.json").read_text()) == json.loads(GOLDEN.read_text())


def test_talib_agrees_from_bar_200_on():
    """
    Law 5: TA-Lib seeds its averages differently, which has no effect after 200 bars.
    """
    import talib

    from tests.kpis import simulated

    history, symbol = simulated.market()
    candles = simulated.candles(history, symbol, simulated.START_MS, 1500)
    closes = frame(candles)["close"].to_numpy()

    stream = streamed(candles)
    oracle = dict(zip(MACD, talib.MACD(closes, 12, 26, 9), strict=True))

    for name in MACD:
        worst = max(abs(stream[name].to_numpy() - oracle[name])[200:])
        assert worst / closes[0] < 1e-9


def test_pandas_ta_does_not_use_talib():
    """
    If TA-Lib is installed, pandas-ta's default changes the warm-up: first line at 34, not 26.
    """
    import talib  # noqa: F401 - the test requires TA-Lib to be installed

    from tests.kpis import simulated

    history, symbol = simulated.market()
    candles = simulated.candles(history, symbol, simulated.START_MS, 60)

    from include.kpis.pandas_indicators import compute_indicators

    assert compute_indicators(frame(candles))["macd"].notna().to_numpy().argmax() == 25
    assert_equal(streamed(candles), compute_indicators(frame(candles)), candles[0].close)
