"""Candles of hours with few trades, against the plain definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.simulator.history import make_minute_rows, roll_up, to_candles
from include.simulator.market import HOUR_MS, MINUTE_MS, TradeHour

START_MS = 480_000 * HOUR_MS

thin_hours = st.lists(
    st.tuples(
        st.integers(0, HOUR_MS - 1),
        st.integers(1, 10**7),
        st.integers(1, 10**9),
        st.integers(1, 6),
        st.booleans(),
    ),
    max_size=12,
).map(sorted)


def columns(rows):
    offsets, prices, lots, raws, sells = (list(c) for c in zip(*rows, strict=True))
    return TradeHour(
        100,
        START_MS + np.array(offsets, dtype=np.int64),
        np.array(prices, dtype=np.int64),
        np.array(lots, dtype=np.int64),
        500 + np.concatenate(([0], np.cumsum(np.array(raws, dtype=np.int64)))),
        np.array(sells, dtype=bool),
    )


@pytest.mark.parametrize("width", [1, 5, 15, 60])
@given(rows=thin_hours, previous_close=st.integers(1, 10**7))
def test_candles_are_the_sums_of_their_trades(rows, previous_close, width):
    hour = columns(rows) if rows else columns([(0, 1, 1, 1, True)]).cut(0, 0)
    width_ms, close = width * MINUTE_MS, previous_close
    got = to_candles(
        roll_up(make_minute_rows(START_MS, hour, previous_close), width), START_MS, width_ms
    )
    assert [c.open_ms for c in got] == list(range(START_MS, START_MS + HOUR_MS, width_ms))
    for candle in got:
        first = candle.open_ms - START_MS
        inside = [row for row in rows if first <= row[0] < first + width_ms]
        prices = [price for _, price, *_ in inside] or [close]
        close = prices[-1]
        buys = [row for row in inside if not row[4]]
        assert candle[1:] == (
            prices[0],
            max(prices),
            min(prices),
            close,
            sum(row[2] for row in inside),
            sum(row[1] * row[2] for row in inside),
            sum(row[3] for row in inside),
            sum(row[2] for row in buys),
            sum(row[1] * row[2] for row in buys),
        )
