"""What an exchange lets an address ask in a minute, and how much of it history may take."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from include.exchange.failures import RateLimited

# Binance's request weight a minute and address: `rateLimits` of its exchangeInfo.
WEIGHT_LIMITS = {"binance": 6_000, "binanceus": 1_200}
USED_WEIGHT = "x-mbx-used-weight-1m"
HISTORY_SHARE = 0.8  # the rest is left to what is live


class Budget:
    """
    The weight that was used of this minute, as the exchange counts it.

    It counts all that comes from our address, so producer and tasks heed each other.
    """

    def __init__(self, name: str) -> None:
        self._limit = WEIGHT_LIMITS.get(name)
        self._used = 0
        self._renewed_at_s = 0.0  # by our monotonic clock

    def note(self, headers: Mapping[str, str]) -> None:
        """Take note of the weight an answer's headers tell, and of the exchange's time."""
        told = {name.lower(): value for name, value in headers.items()}
        try:
            used, date = int(told[USED_WEIGHT]), parsedate_to_datetime(told["date"])
        except (KeyError, ValueError):
            return  # none of its answers, but of something in between
        self._used = used
        self._renewed_at_s = time.monotonic() + 60 - date.second

    def check_history(self, doing: str) -> None:
        """
        Return if *doing*, which can wait, may be done.

        Raises:
            RateLimited: Not in this minute; `retry_after_s` leads to the next.
        """
        remaining_s = self._renewed_at_s - time.monotonic()
        if self._limit is None or remaining_s <= 0 or self._used < HISTORY_SHARE * self._limit:
            return
        raise RateLimited(
            f"{doing}: {self._used} of the minute's {self._limit} are used: the rest is for what "
            "is live",
            retry_after_s=remaining_s,
        )
