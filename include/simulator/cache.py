"""A cache of bounded weight that discards the least recently used value."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class BoundedCache[K: Hashable, V]:
    """
    A cache of values up to a total weight.

    Args:
        capacity: Maximum total weight. The newest value stays even if it is heavier.
        weigh: Weight of a value.
    """

    def __init__(self, capacity: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._capacity = capacity
        self._weigh = weigh
        self._weight = 0
        self._values: OrderedDict[K, V] = OrderedDict()

    @property
    def weight(self) -> int:
        return self._weight

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of *key*; call *make* and store the result if it is missing."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = make()
        self._values[key] = value
        self._weight += self._weigh(value)
        while self._weight > self._capacity and len(self._values) > 1:
            _, oldest = self._values.popitem(last=False)
            self._weight -= self._weigh(oldest)
        return value
