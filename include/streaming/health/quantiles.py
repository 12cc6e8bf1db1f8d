"""Quantiles of the last minute in bounded memory: counts in buckets that grow by 5 %."""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable

WINDOW_S = 60.0
SLOTS = 6
GROWTH = math.log(1.05)
SMALLEST, LARGEST = 1e-4, 1e8  # what is outside counts as these: some 560 buckets at most
QUANTILES = (0.5, 0.95, 0.99)


class Window:
    """
    Durations in seconds of the last WINDOW_S, each to 2.5 %.

    Attributes:
        count: How many since the start.
        total_s: Their sum.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._slots: deque[tuple[int, Counter[int]]] = deque(maxlen=SLOTS)
        self.count = 0
        self.total_s = 0.0

    def add(self, durations_s: Iterable[float]) -> None:
        """Take durations in; one below 0 (two clocks that differ) counts as 0."""
        found = [max(0.0, d) for d in durations_s]
        number = int(self._clock_s() / (WINDOW_S / SLOTS))
        with self._lock:
            if not self._slots or self._slots[-1][0] != number:
                self._slots.append((number, Counter()))
            self._slots[-1][1].update(map(_bucket, found))
            self.count += len(found)
            self.total_s += sum(found)

    def quantiles(self) -> dict[float, float]:
        """Return the value of each of QUANTILES; none if the window is empty."""
        oldest = int(self._clock_s() / (WINDOW_S / SLOTS)) - SLOTS
        with self._lock:
            recent = Counter[int]()
            for number, counts in self._slots:
                if number > oldest:
                    recent.update(counts)
        return {q: _at(recent, q) for q in QUANTILES} if recent else {}


def _bucket(duration_s: float) -> int:
    return int(math.log(min(max(duration_s, SMALLEST), LARGEST) / SMALLEST) / GROWTH)


def _at(counts: Counter[int], quantile: float) -> float:
    left = quantile * counts.total()
    last = 0
    for last in sorted(counts):
        left -= counts[last]
        if left <= 0:
            break
    return SMALLEST * math.exp((last + 0.5) * GROWTH)
