"""Line protocol: every value as it is, nothing that is not a number, no name that breaks a line."""

import math

from hypothesis import given
from hypothesis import strategies as st

from include.influxdb import lines
from include.kpis.records import CandlePoint, PricePoint, SecondPoint

TS = 1_700_000_000_123


def point(**values):
    return PricePoint("binance", "BTC/USDT", TS, values)


def test_is_one_line_a_point():
    batch = lines.encode([point(close=1.5, open=2.0), point(close=6.37e-06)])

    assert batch == (
        b"crypto_prices,exchange=binance,symbol=BTC/USDT close=1.5,open=2.0 1700000000123\n"
        b"crypto_prices,exchange=binance,symbol=BTC/USDT close=6.37e-6 1700000000123"
    )


def test_each_kind_has_its_measurement():
    """
    All fields are floats, whatever they were: a type that changes is refused by InfluxDB for ever.
    """
    market = ("binance", "BTC/USDT", TS)
    batch = lines.encode(
        [SecondPoint(*market, {"trades": 3, "vwap": None}), CandlePoint(*market, {"macd": -0.5})]
    )

    assert batch == (
        b"crypto_trades,exchange=binance,symbol=BTC/USDT trades=3.0 1700000000123\n"
        b"crypto_candles,exchange=binance,symbol=BTC/USDT,interval=1m macd=-0.5 1700000000123"
    )


def test_leaves_out_what_has_no_value():
    """
    None, NaN and Infinity never reach a store; a point without any field is no point.
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
    A tag can end neither its value nor its line.
    """
    line = lines.encode([PricePoint("a b", "x,y=z\\\n", TS, {"close": 1.0})])

    assert line == rb"crypto_prices,exchange=a\ b,symbol=x\,y\=z\\\n close=1.0 1700000000123"
