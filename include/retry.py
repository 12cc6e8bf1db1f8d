"""Retry with exponential, jittered, and capped waits, at least as long as Retry-After."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tenacity

from include.errors import Unavailable

INITIAL_WAIT_S = 0.5
MAX_WAIT_S = 30.0

_jittered = tenacity.wait_random_exponential(multiplier=INITIAL_WAIT_S, max=MAX_WAIT_S)


def wait_s(state: tenacity.RetryCallState) -> float:
    """Return the seconds to wait after the failed attempt *state*; a `wait` of tenacity."""
    failure = state.outcome.exception() if state.outcome else None
    requested_s = failure.retry_after_s if isinstance(failure, Unavailable) else None
    return max(_jittered(state), requested_s or 0.0)


@contextmanager
def reset_backoff_on_progress(attempt: tenacity.AttemptManager) -> Iterator[threading.Event]:
    """
    Yield an event that the attempt sets when it makes progress.

    If the attempt fails after that, the waits start at INITIAL_WAIT_S again.

    Args:
        attempt: The attempt that runs in this context.
    """
    progressed = threading.Event()
    try:
        yield progressed
    finally:
        if progressed.is_set():
            attempt.retry_state.attempt_number = 1


type Report = Callable[[Unavailable, float], None]
"""Called with each failure, and the seconds until the next attempt."""


def before_sleep(report: Report) -> Callable[[tenacity.RetryCallState], None]:
    """Return a `before_sleep` of tenacity that calls *report*."""

    def call_report(state: tenacity.RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, Unavailable):
            report(failure, state.next_action.sleep if state.next_action else 0.0)

    return call_report


def retry_until_available(report: Report) -> tenacity.AsyncRetrying:
    """Return attempts of a coroutine, until one does not raise Unavailable."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        wait=wait_s,
        before_sleep=before_sleep(report),
        reraise=True,
    )
