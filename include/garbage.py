"""
How often this process looks for cycles.

Decoded records and rows have none, and are many: Python's default takes two thirds of the time that
decoding a snapshot takes (`bench.consumer` measured 4,733 points a second with it, 7,552 without),
and a fourteenth of a drain's.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MOST_UNCOLLECTED = 100_000  # containers: a batch of 5,000 snapshots holds some 200,000 of them


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Let this process look for cycles seldom, while the context lasts."""
    before = gc.get_threshold()
    gc.set_threshold(MOST_UNCOLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)
