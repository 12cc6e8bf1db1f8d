"""Fixed deadlines: work that takes long does not push the next turn back."""

import time


class Deadlines:
    """
    Turns every *interval_s*, counted from the first; a missed turn is skipped, not caught up.

    Attributes:
        missed: Turns skipped so far because the work before took too long.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next_s = time.monotonic()
        self.missed = 0

    @property
    def remaining_s(self) -> float:
        """How long until the turn is due; 0 if it is."""
        return max(0.0, self._next_s - time.monotonic())

    def advance(self) -> None:
        """Set the next turn an interval after this one was due, past those already missed."""
        now_s = time.monotonic()
        self._next_s += self._interval_s
        if self._next_s < now_s and self._interval_s > 0:
            skipped = int((now_s - self._next_s) // self._interval_s) + 1
            self.missed += skipped
            self._next_s += skipped * self._interval_s
