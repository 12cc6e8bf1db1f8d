"""An order book kept from a snapshot and updates, read in price order at any time."""

from bisect import bisect_left, insort


class Side:
    """
    One side of a book: amounts by key, keys sorted so that the best comes first.

    Args:
        sign: -1 for bids (highest price first), 1 for asks.
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._amounts: dict[int, int] = {}

    def put(self, price: int, amount: int) -> None:
        """Set what is offered at *price*; 0 removes the level."""
        key = self._sign * price
        known = key in self._amounts
        if amount:
            self._amounts[key] = amount
            if not known:
                insort(self._keys, key)
        elif known:
            del self._amounts[key]
            del self._keys[bisect_left(self._keys, key)]

    def best(self, levels: int) -> list[tuple[int, int]]:
        """Return up to *levels* (price, amount), best first."""
        return [(self._sign * key, self._amounts[key]) for key in self._keys[:levels]]


class OrderBook:
    """Both sides, and the id of the last update taken."""

    def __init__(self) -> None:
        self.last_update_id = 0
        self.bids = Side(-1)
        self.asks = Side(1)
