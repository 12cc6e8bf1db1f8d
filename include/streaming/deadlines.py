"""Fixed deadlines: work that takes long does not push the next turn back."""

import asyncio
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

    async def next_turn(self) -> None:
        """Sleep until the next turn is due; with an interval of 0, only let others run."""
        if self._interval_s <= 0:
            await asyncio.sleep(0)
            return
        now_s = time.monotonic()
        self._next_s += self._interval_s
        if self._next_s < now_s:
            skipped = int((now_s - self._next_s) // self._interval_s) + 1
            self.missed += skipped
            self._next_s += skipped * self._interval_s
        await asyncio.sleep(max(0.0, self._next_s - now_s))
