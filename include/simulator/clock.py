"""Clocks of the simulated exchange: the machine's time, or a time within a tape."""

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """The exchange's time."""

    def now_ms(self) -> int:
        """Return the exchange's time, in ms since the epoch, UTC."""
        ...

    def on_ticker_request(self) -> None:
        """Handle a request for a ticker: `SteppedClock` advances, other clocks ignore it."""
        ...

    def until_ms(self) -> int | None:
        """Return the time at which the clock stops; None if it does not stop."""
        ...


class WallClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def on_ticker_request(self) -> None:
        """Do nothing: this clock runs by itself."""

    def until_ms(self) -> int | None:
        return None


class PacedClock:
    """
    A clock from *start_ms* to *end_ms* that runs *speed* times as fast as real time.

    Args:
        start_ms: Time at construction.
        end_ms: Time at which the clock stops.
        speed: Multiple of real time.
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
        self._started_s = monotonic_s()

    def now_ms(self) -> int:
        elapsed_ms = (self._monotonic_s() - self._started_s) * 1000 * self._speed
        return min(self._end_ms, self._start_ms + int(elapsed_ms))

    def on_ticker_request(self) -> None:
        """Do nothing: this clock runs by itself."""

    def until_ms(self) -> int | None:
        return self._end_ms


class SteppedClock:
    """A clock from *start_ms* to *end_ms* that advances by *step_ms* at each ticker request."""

    def __init__(self, start_ms: int, end_ms: int, step_ms: int) -> None:
        self._now_ms, self._end_ms, self._step_ms = start_ms, end_ms, step_ms

    def now_ms(self) -> int:
        return self._now_ms

    def on_ticker_request(self) -> None:
        self._now_ms = min(self._end_ms, self._now_ms + self._step_ms)

    def until_ms(self) -> int | None:
        return self._end_ms
