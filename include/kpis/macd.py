"""Moving average convergence/divergence (12, 26, 9), one closed candle at a time."""

from dataclasses import dataclass, field
from typing import NamedTuple

from include.kpis.ema import Ema

FAST, SLOW, SIGNAL = 12, 26, 9
# Closed candles after which another seed would have made no difference of 1e-6: see KPIS, notes
# on convergence; before that a chart seeded elsewhere shows other values.
READY_AFTER = 250


class MacdLines(NamedTuple):
    """Line, signal and their difference, quote currency; None while not warm."""

    line: float | None
    signal: float | None
    histogram: float | None


COLD = MacdLines(None, None, None)


@dataclass(slots=True)
class Macd:
    """
    EMA12 - EMA26 of the closes, its EMA9, and their difference.

    Equals `pandas_ta.macd(close, 12, 26, 9, talib=False)`: first line at candle 26, first signal at
    candle 34.

    Attributes:
        lines: As of the last candle.
    """

    fast: Ema = field(default_factory=lambda: Ema(FAST))
    slow: Ema = field(default_factory=lambda: Ema(SLOW))
    signal: Ema = field(default_factory=lambda: Ema(SIGNAL))
    lines: MacdLines = COLD

    @property
    def is_ready(self) -> bool:
        """Whether enough candles are behind it for its seed not to matter."""
        return self.slow.seen >= READY_AFTER

    def update(self, close: float) -> MacdLines:
        """Consume the close of the next minute; return the lines."""
        fast, slow = self.fast.update(close), self.slow.update(close)
        if fast is None or slow is None:
            return COLD
        line = fast - slow
        signal = self.signal.update(line)
        self.lines = MacdLines(line, signal, None if signal is None else line - signal)
        return self.lines
