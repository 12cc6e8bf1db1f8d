"""Streaming indicators: EMA and MACD one value at a time, and the volume-weighted average price."""

from dataclasses import dataclass, field
from typing import NamedTuple

FAST, SLOW, SIGNAL = 12, 26, 9
# Closed candles after which another seed changes no value by 1e-6. Before that, a chart that was
# seeded elsewhere shows other values.
READY_AFTER = 250


@dataclass(slots=True)
class Ema:
    """
    Exponential moving average seeded with the simple mean of the first *length* values.

    alpha = 2 / (length + 1);  ema[t] = (1 - alpha) * ema[t-1] + alpha * x[t]

    Equals `pandas_ta.ema(close, length, talib=False)` at every index, and after the seed to the
    last bit: the operations are those of pandas' `ewm`, in the same order. The difference of two
    averages therefore agrees near 0 too.
    """

    length: int
    seen: int = 0
    """Values consumed."""
    value: float = 0.0
    """Running sum until *length* values are consumed, then the average."""

    def update(self, x: float) -> float | None:
        """Consume the next value. Return the average, or None while seeding."""
        self.seen += 1
        if self.seen > self.length:
            if x != self.value:
                new = 1.0 / (1.0 + (self.length - 1) / 2.0)  # 2 / (length + 1), as in pandas
                old = 1.0 - new
                self.value = (old * self.value + new * x) / (old + new)
            return self.value
        self.value += x
        if self.seen < self.length:
            return None
        self.value /= self.length
        return self.value


class MacdValues(NamedTuple):
    """MACD line, signal line and histogram, quote currency; None during warm-up."""

    line: float | None
    signal: float | None
    histogram: float | None
    """line - signal."""


NO_MACD = MacdValues(None, None, None)


@dataclass(slots=True)
class Macd:
    """
    Moving average convergence/divergence (12, 26, 9), one closed candle at a time.

    line = EMA12 - EMA26 of the closes; signal = EMA9 of the line.

    Equals `pandas_ta.macd(close, 12, 26, 9, talib=False)`: first line at candle 26, first signal at
    candle 34.
    """

    fast: Ema = field(default_factory=lambda: Ema(FAST))
    slow: Ema = field(default_factory=lambda: Ema(SLOW))
    signal: Ema = field(default_factory=lambda: Ema(SIGNAL))
    values: MacdValues = NO_MACD
    """Values at the last candle."""

    @property
    def is_ready(self) -> bool:
        """Whether READY_AFTER candles were consumed, so that the seed does not matter."""
        return self.slow.seen >= READY_AFTER

    def update(self, close: float) -> MacdValues:
        """Consume the close of the next minute and return the values at it."""
        fast, slow = self.fast.update(close), self.slow.update(close)
        if fast is None or slow is None:
            return NO_MACD
        line = fast - slow
        signal = self.signal.update(line)
        self.values = MacdValues(line, signal, None if signal is None else line - signal)
        return self.values


def compute_vwap(
    notional: float | None, amount: float, low: float | None, high: float | None
) -> float | None:
    """
    Compute the volume-weighted average price.

    Rounding can move the quotient past a paid price by one unit in the last place. The result is
    therefore limited to [low, high], so that the average of one trade is its price.

    Args:
        notional: Sum of price * amount, quote currency; None if unknown.
        amount: Sum of the amounts, base currency.
        low: Lowest price paid; None without a trade.
        high: Highest price paid; None without a trade.

    Returns:
        The average in quote currency, or None if nothing was traded or *notional* is unknown.
    """
    if notional is None or low is None or high is None or amount <= 0:
        return None
    average = notional / amount
    if average < low:
        return low
    return high if average > high else average
