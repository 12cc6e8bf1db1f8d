"""The batch twin of the indicators: data frames in, pandas-ta's numbers out."""

import warnings
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

from contextlib import contextmanager

SHORTEST = 34  # closed candles; pandas_ta.macd returns None for fewer
WARM_UP = 400  # candles before a window after which its start makes no difference of 1e-9
COLUMNS = {"macd": "MACD_12_26_9", "macd_signal": "MACDs_12_26_9", "macd_hist": "MACDh_12_26_9"}


def indicators(candles: pd.DataFrame) -> pd.DataFrame:
    """
    Return macd, macd_signal, macd_hist and the session vwap of each candle.

    *candles*: closed one-minute candles without a missing minute, ascending; index: their start,
    in UTC; columns close, volume, quote_volume. The typical price is the candle's own vwap, so that
    the session's is trade-exact. NaN where there is no value: before the indicators are warm, and
    before the session's first trade.

    Raises:
        ValueError: The index is not in UTC, not ascending, or lacks a minute.
    """
    _check(candles.index)
    with _quiet():
        import pandas_ta as ta

        lines = ta.macd(candles["close"], 12, 26, 9, talib=False)
        vwap = _session_vwap(ta, candles)
    empty = pd.Series(float("nan"), index=candles.index)
    found = {
        name: empty if lines is None or len(candles) < SHORTEST else lines[column]
        for name, column in COLUMNS.items()
    }
    return pd.DataFrame(found | {"vwap": vwap})


def _session_vwap(ta: object, candles: pd.DataFrame) -> pd.Series:
    volume = candles["volume"]
    own = (candles["quote_volume"] / volume).where(volume > 0, candles["close"])
    vwap = ta.vwap(own, own, own, volume, anchor="D")  # type: ignore[attr-defined]
    return pd.Series(vwap, index=candles.index)


def _check(index: pd.Index) -> None:
    if not isinstance(index, pd.DatetimeIndex) or str(index.tz) != "UTC":
        raise ValueError("expected an index of times in UTC, found otherwise")
    steps = index.to_series().diff().dropna()
    if not (steps == pd.Timedelta(minutes=1)).all():
        raise ValueError("expected a candle each minute, found one missing or out of order")


@contextmanager
def _quiet() -> "Iterator[None]":
    """Contain pandas-ta: it warns of its own use of pandas, and changes the warning filters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
