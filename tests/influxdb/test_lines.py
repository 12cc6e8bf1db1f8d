"""Line protocol keeps every value, leaves out what is not finite, and escapes names."""

import math

from hypothesis import given
from hypothesis import strategies as st

from include.influxdb import lines
from include.kpis.records import CandlePoint, PricePoint, SecondPoint

TS = 1_700_000_000_123


def point(**values):
    return PricePoint("binance", "BTC/USDT", TS, values)


def test_a_point_is_one_line():
    batch = lines.encode([point(close=1.5, open=2.0), point(close=6.37e-06)])

    assert batch == (
        b"crypto_prices,exchange=binance,symbol=BTC/USDT close=1.5,open=2.0 1700000000123\n"
        b"crypto_prices,exchange=binance,symbol=BTC/USDT close=6.37e-6 1700000000123"
    )


def test_each_class_of_point_has_its_measurement():
    """
    All fields are written as floats: InfluxDB rejects a field whose type changes.
    """
    market = ("binance", "BTC/USDT", TS)
    batch = lines.encode(
        [SecondPoint(*market, {"trades": 3, "vwap": None}), CandlePoint(*market, {"macd": -0.5})]
    )

    assert batch == (
        b"crypto_trades,exchange=binance,symbol=BTC/USDT trades=3.0 1700000000123\n"
        b"crypto_candles,exchange=binance,symbol=BTC/USDT,interval=1m macd=-0.5 1700000000123"
    )


def test_leaves_out_fields_without_a_value():
    """
    None, NaN, and infinities are not written, nor is a point without any field.
    """
    assert lines.encode([point(close=1.0, vwap=None, x=math.nan, y=math.inf)]).count(b"=") == 3
    assert lines.encode([point(close=None)]) == b""
    assert lines.encode([]) == b""


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_keeps_every_bit(value):
    line = lines.encode([point(close=value)]).decode()

    assert float(line.split("close=")[1].split(" ")[0]) == value


def test_escapes_names():
    """
    A tag cannot end its value or its line.
    """
    line = lines.encode([PricePoint("a b", "x,y=z\\\n", TS, {"close": 1.0})])

    assert line == rb"crypto_prices,exchange=a\ b,symbol=x\,y\=z\\\n close=1.0 1700000000123"
