"""Silence an exchange asked for, kept by everything in this process that speaks to its address."""

import time
from functools import cache

from include.exchange.failures import RateLimited


class Gate:
    """
    Closed while an address wants to hear nothing from us: asking then extends the ban.

    By our monotonic clock; one for all symbols, connections and event loops.
    """

    def __init__(self) -> None:
        self._closed_until_s = 0.0

    @property
    def remaining_s(self) -> float:
        """How long it stays closed; 0 while it is open."""
        return max(0.0, self._closed_until_s - time.monotonic())

    def close(self, pause_s: float) -> None:
        """Let nothing pass for *pause_s*; a longer pause it already keeps stands."""
        self._closed_until_s = max(self._closed_until_s, time.monotonic() + pause_s)

    def check(self, doing: str) -> None:
        """
        Return if *doing* may be done.

        Raises:
            RateLimited: Not before `retry_after_s`.
        """
        remaining_s = self.remaining_s
        if remaining_s > 0:
            raise RateLimited(f"{doing}: waiting as told", retry_after_s=remaining_s)


@cache
def gate_of(address: str) -> Gate:
    """Return the gate of *address*, the same one for the whole process."""
    return Gate()
