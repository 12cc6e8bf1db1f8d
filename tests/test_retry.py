"""The waits between attempts grow until an attempt makes progress."""

import pytest
import tenacity

from include import retry
from include.errors import Unavailable


def attempt_numbers(progress):
    """Return the attempt number of each failure; attempt n makes progress if progress[n]."""
    waited, outcomes = [], iter(progress)
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        wait=lambda state: waited.append(state.attempt_number) or 0,
        stop=lambda _: len(waited) == len(progress),
        reraise=True,
    )

    def work():
        for attempt in attempts:
            with attempt, retry.reset_backoff_on_progress(attempt) as progressed:
                if next(outcomes):
                    progressed.set()
                raise Unavailable("away")

    with pytest.raises(Unavailable):
        work()
    return waited


def test_waits_grow_without_progress():
    assert attempt_numbers([False] * 4) == [1, 2, 3, 4]


def test_waits_start_over_after_progress():
    assert attempt_numbers([False, False, True, False, True]) == [1, 2, 1, 2, 1]
