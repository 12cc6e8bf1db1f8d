"""What time it is on the exchange: now, or some moment of a tape."""

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Return the exchange's time, in ms since the epoch, UTC."""
        ...

    def tick(self) -> None:
        """Learn that a ticker was asked for."""
        ...

    def until_ms(self) -> int | None:
        """Return where time comes to its end; None if it does not."""
        ...


class WallClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def tick(self) -> None:
        """Go on unmoved: this clock runs by itself."""

    def until_ms(self) -> int | None:
        return None


class PacedClock:
    """
    From *start_ms* to *end_ms*, *speed* times as fast as real time.

    Args:
        monotonic_s: Source of elapsed seconds.
    """

    def __init__(
        self,
        start_ms: int,
        end_ms: int,
        speed: float,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start_ms, self._end_ms, self._speed = start_ms, end_ms, speed
        self._monotonic_s = monotonic_s
        self._began_s = monotonic_s()

    def now_ms(self) -> int:
        elapsed_ms = (self._monotonic_s() - self._began_s) * 1000 * self._speed
        return min(self._end_ms, self._start_ms + int(elapsed_ms))

    def tick(self) -> None:
        """Go on unmoved: this clock runs by itself."""

    def until_ms(self) -> int | None:
        return self._end_ms


class SteppedClock:
    """From *start_ms* to *end_ms* as fast as it is read: *step_ms* on at each ticker asked for."""

    def __init__(self, start_ms: int, end_ms: int, step_ms: int) -> None:
        self._now_ms, self._end_ms, self._step_ms = start_ms, end_ms, step_ms

    def now_ms(self) -> int:
        return self._now_ms

    def tick(self) -> None:
        self._now_ms = min(self._end_ms, self._now_ms + self._step_ms)

    def until_ms(self) -> int | None:
        return self._end_ms
