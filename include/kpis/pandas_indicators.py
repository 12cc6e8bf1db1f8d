"""Batch twin of the streaming indicators: the same MACD and session VWAP, by pandas-ta."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

MIN_CANDLES = 34
"""Closed candles that `pandas_ta.macd` requires; it returns None for fewer."""
WARM_UP_CANDLES = 400
"""Candles to read before a window, so that the window's start changes no value by 1e-9."""
COLUMNS = {"macd": "MACD_12_26_9", "macd_signal": "MACDs_12_26_9", "macd_hist": "MACDh_12_26_9"}


def compute_indicators(candles: pd.DataFrame) -> pd.DataFrame:
    """
    Compute macd, macd_signal, macd_hist and the session vwap of each candle.

    The typical price is the candle's own vwap, so that the session's is exact to the trade.

    Args:
        candles: Closed one-minute candles, ascending, without a missing minute. The index is the
            start of each minute in UTC; the columns are close, volume and quote_volume.

    Returns:
        A frame with the same index. NaN: the indicator is not warm, or the session has no trade.

    Raises:
        ValueError: The index is not in UTC, not ascending, or lacks a minute.
    """
    _check(candles.index)
    with _suppress_warnings():
        import pandas_ta as ta

        lines = ta.macd(candles["close"], 12, 26, 9, talib=False)
        vwap = _compute_session_vwap(ta, candles)
    empty = pd.Series(float("nan"), index=candles.index)
    columns = {
        name: empty if lines is None or len(candles) < MIN_CANDLES else lines[column]
        for name, column in COLUMNS.items()
    }
    return pd.DataFrame(columns | {"vwap": vwap})


def _compute_session_vwap(ta: Any, candles: pd.DataFrame) -> pd.Series:
    volume = candles["volume"]
    own = (candles["quote_volume"] / volume).where(volume > 0, candles["close"])
    vwap = ta.vwap(own, own, own, volume, anchor="D")
    return pd.Series(vwap, index=candles.index)


def _check(index: pd.Index) -> None:
    if not isinstance(index, pd.DatetimeIndex) or str(index.tz) != "UTC":
        found = getattr(index, "tz", None)
        raise ValueError(
            f"expected an index of times in UTC, found {type(index).__name__} with time zone "
            f"{found}: convert it with pandas.to_datetime(..., utc=True)"
        )
    steps = index.to_series().diff().dropna()
    wrong = steps[steps != pd.Timedelta(minutes=1)]
    if not wrong.empty:
        raise ValueError(
            f"expected one candle a minute, ascending, found a step of {wrong.iloc[0]} before "
            f"{wrong.index[0]}: sort the candles and fill the missing minutes"
        )


@contextmanager
def _suppress_warnings() -> Iterator[None]:
    """Suppress pandas-ta's warnings about its own use of pandas, and restore the filters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
