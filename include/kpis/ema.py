"""Exponential moving average, one value at a time."""

from dataclasses import dataclass


@dataclass(slots=True)
class Ema:
    """
    Exponential moving average seeded with the simple mean of the first *length* values.

    alpha = 2 / (length + 1);  ema[t] = (1 - alpha) * ema[t-1] + alpha * x[t]

    Equals `pandas_ta.ema(close, length, talib=False)` at every index, after the seed to the last
    bit: the operations are those of pandas' `ewm`, in its order. That keeps differences of two
    averages equal where they are near 0. The fields are its state.

    Attributes:
        seen: Values consumed so far.
        value: Running sum of the seed until *length* values are seen, then the average.
    """

    length: int
    seen: int = 0
    value: float = 0.0

    def update(self, x: float) -> float | None:
        """Consume the next value; return the average, None while still seeding."""
        self.seen += 1
        if self.seen > self.length:
            if x != self.value:
                new = 1.0 / (1.0 + (self.length - 1) / 2.0)  # 2 / (length + 1), as pandas has it
                old = 1.0 - new
                self.value = (old * self.value + new * x) / (old + new)
            return self.value
        self.value += x
        if self.seen < self.length:
            return None
        self.value /= self.length
        return self.value
