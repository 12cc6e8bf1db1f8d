"""Stored candles as an unbroken line of minutes, and what pandas-ta says of each candle."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from include.kpis.market_state import MAX_FILLED_MINUTES
from include.kpis.pandas_indicators import compute_indicators

COLUMNS = ("macd", "macd_signal", "macd_hist", "vwap")


class Bar(NamedTuple):
    """
    What of a stored candle enters the indicators.

    Attributes:
        open_minute: Its start, minutes since the epoch, UTC.
        close: Quote currency.
        volume: Base currency.
    """

    open_minute: int
    close: float
    volume: float
    quote_volume: float
    revision: int


class Indicators(NamedTuple):
    """
    The indicators after one candle, quote currency; None where there is no value.

    Attributes:
        revision: Of the candle.
    """

    open_minute: int
    vwap: float | None
    macd: float | None
    macd_signal: float | None
    macd_hist: float | None
    revision: int


def computed(bars: Sequence[Bar], from_minute: int) -> Iterator[Indicators]:
    """
    Yield the indicators of the ascending *bars* that open at from_minute or later.

    Minutes that are missing are filled here and nowhere else: the close carried, nothing traded.
    Where more than MAX_FILLED_MINUTES are, the line begins anew, as in the stream's fold.
    """
    minutes = np.array([bar.open_minute for bar in bars], dtype=np.int64)
    breaks = np.flatnonzero(np.diff(minutes) - 1 > MAX_FILLED_MINUTES) + 1
    for first, end in zip([0, *breaks], [*breaks, len(bars)], strict=True):
        if minutes[end - 1] >= from_minute:
            yield from _of_line(bars[first:end], from_minute)


def _of_line(bars: Sequence[Bar], from_minute: int) -> Iterator[Indicators]:
    minutes, close, volume, quote_volume, _ = (
        np.array(column) for column in zip(*bars, strict=True)
    )
    places = minutes - minutes[0]
    traded, notional = np.zeros(places[-1] + 1), np.zeros(places[-1] + 1)
    traded[places], notional[places] = volume, quote_volume
    # each minute's last candle at or before it
    carried = close[np.searchsorted(places, np.arange(places[-1] + 1), side="right") - 1]
    index = pd.date_range(
        pd.Timestamp(int(minutes[0]) * 60, unit="s", tz="UTC"), periods=len(carried), freq="min"
    )
    frame = pd.DataFrame(
        {"close": carried, "volume": traded, "quote_volume": notional}, index=index
    )
    values = compute_indicators(frame)[list(COLUMNS)].to_numpy()[places]
    wanted = int(np.searchsorted(minutes, from_minute))
    for bar, row in zip(bars[wanted:], values[wanted:].tolist(), strict=True):
        macd, signal, histogram, vwap = (None if x != x else x for x in row)
        yield Indicators(bar.open_minute, vwap, macd, signal, histogram, bar.revision)
