"""The waits between attempts: longer and longer, until something worked."""

import pytest
import tenacity

from include import retry
from include.errors import Unavailable


def numbers_waited_after(works):
    """Return each failure's number in its row; attempt n does some work if works[n]."""
    waited, outcomes = [], iter(works)
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        wait=lambda state: waited.append(state.attempt_number) or 0,
        stop=lambda _: len(waited) == len(works),
        reraise=True,
    )

    def work():
        for attempt in attempts:
            with attempt, retry.anew_after_work(attempt) as worked:
                if next(outcomes):
                    worked.set()
                raise Unavailable("away")

    with pytest.raises(Unavailable):
        work()
    return waited


def test_waits_grow_while_nothing_works():
    assert numbers_waited_after([False] * 4) == [1, 2, 3, 4]


def test_waits_begin_anew_after_work():
    assert numbers_waited_after([False, False, True, False, True]) == [1, 2, 1, 2, 1]
