"""What pandas-ta said once, and an oracle that shares no code with it."""

import json
from pathlib import Path

import pytest

from include.kpis.records import Candle
from tests.kpis.make_golden import SERIES, main
from tests.kpis.test_parity import MACD, assert_equal, frame, streamed

GOLDEN = Path(__file__).parent / "golden" / "indicators.json"


@pytest.mark.parametrize("name", SERIES)
def test_the_stream_gives_the_golden_numbers(name):
    """
    Inputs and results are in the file: nothing of it is computed by what is tested.
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


def test_the_golden_file_is_what_pandas_ta_says_today(monkeypatch, tmp_path):
    """
    `make golden` leaves no difference; if it does, look at why before committing it.
    """
    monkeypatch.setattr("tests.kpis.make_golden.GOLDEN", tmp_path / "indicators.json")

    main()

    assert json.loads((tmp_path / "indicators.json").read_text()) == json.loads(GOLDEN.read_text())


def test_talib_agrees_from_bar_200_on():
    """
    Law 5: TA-Lib seeds its averages otherwise; after 200 bars that makes no difference.
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


def test_pandas_ta_is_told_not_to_use_talib():
    """
    With TA-Lib importable, as here, its default would change the warm-up: line at 34, not at 26.
    """
    import talib  # noqa: F401 - that it can be imported is the point

    from tests.kpis import simulated

    history, symbol = simulated.market()
    candles = simulated.candles(history, symbol, simulated.START_MS, 60)

    from include.kpis.frames import indicators

    assert indicators(frame(candles))["macd"].notna().to_numpy().argmax() == 25
    assert_equal(streamed(candles), indicators(frame(candles)), candles[0].close)
