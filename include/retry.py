"""How long to wait before asking again: exponential, jittered, capped, never less than told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tenacity

from include.errors import Unavailable

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0

_jittered = tenacity.wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S)


def wait_s(state: tenacity.RetryCallState) -> float:
    """Return the seconds to wait after the failure *state* holds."""
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.retry_after_s if isinstance(failure, Unavailable) else None
    return max(_jittered(state), asked or 0.0)


@contextmanager
def anew_after_work(attempt: tenacity.AttemptManager) -> Iterator[threading.Event]:
    """Let the waits begin with the first again if this *attempt* fails after it did some work."""
    worked = threading.Event()
    try:
        yield worked
    finally:
        if worked.is_set():
            attempt.retry_state.attempt_number = 1


type Report = Callable[[Unavailable, float], None]


def report_with(report: Report) -> Callable[[tenacity.RetryCallState], None]:
    """Return a tenacity `before_sleep` that hands each failure and the wait to *report*."""

    def before_sleep(state: tenacity.RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, Unavailable):
            report(failure, state.next_action.sleep if state.next_action else 0.0)

    return before_sleep


def until_available(report: Report) -> tenacity.AsyncRetrying:
    """Return the attempts of a coroutine that is tried until it is no longer Unavailable."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        wait=wait_s,
        before_sleep=report_with(report),
        reraise=True,
    )
