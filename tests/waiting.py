"""Waiting for what is to happen, for a bounded time."""

import time
from collections.abc import Callable


def eventually[T](
    condition: Callable[[], T],
    what: str | Callable[[], object],
    *,
    timeout_s: float = 60.0,
    pause_s: float = 0.05,
) -> T:
    """
    Return what *condition* returns once that is true.

    Fails with *what* was waited for; a function is asked then. A condition may assert itself what
    must hold meanwhile.
    """
    give_up_s = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > give_up_s:
            text = what() if callable(what) else what
            raise AssertionError(f"waited {timeout_s:.0f} s for {text}")
        time.sleep(pause_s)
    return found
