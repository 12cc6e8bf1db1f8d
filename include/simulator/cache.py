"""A bounded cache that forgets what was used least recently."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class BoundedCache[K: Hashable, V]:
    """
    Keep values up to a total weight.

    Args:
        capacity: Total weight to keep; the newest value stays even if it alone weighs more.
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
        """Return the value of *key*; make and keep it if it is not there."""
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
