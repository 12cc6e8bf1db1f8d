"""
Rate limits of an exchange: the pause it requests, and the weight it counts for an address.

Both apply to the whole address. `RateLimitPause` is shared by everything in this process that
calls the same address. `RateLimitBudget` reads the weight from the responses, which count the
requests of other processes too.
"""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import cache

from include.exchange.failures import RateLimited

RATE_LIMIT_STATUSES = (418, 429)
"""HTTP statuses that request a pause; Binance sends 418 while it bans an address."""
DEFAULT_PAUSE_S = 60.0  # without a Retry-After: Binance counts by the minute
MAX_PAUSE_S = 3 * 86_400.0  # Binance's longest ban
WEIGHT_LIMITS = {"binance": 6_000, "binanceus": 1_200}
"""Request weight a minute and address: `rateLimits` of Binance's exchangeInfo."""
USED_WEIGHT = "x-mbx-used-weight-1m"
HISTORY_SHARE = 0.8
"""The part of the limit that history may use. The rest is for live requests."""


class RateLimitPause:
    """
    The pause an exchange requested with a 418 or 429. A request during the pause extends the ban.

    One object serves all symbols, connections and event loops. Times are of the monotonic clock.
    """

    def __init__(self) -> None:
        self._until_s = 0.0

    @property
    def remaining_s(self) -> float:
        """Seconds until the pause ends; 0 without a pause."""
        return max(0.0, self._until_s - time.monotonic())

    def start(self, pause_s: float) -> None:
        """Pause for *pause_s* from now, unless a pause already lasts longer."""
        self._until_s = max(self._until_s, time.monotonic() + pause_s)

    def check(self, action: str) -> None:
        """
        Return if no pause is active.

        Args:
            action: The request to be made, for the error message.

        Raises:
            RateLimited: A pause is active; it ends after `retry_after_s`.
        """
        remaining_s = self.remaining_s
        if remaining_s > 0:
            raise RateLimited(
                f"{action}: rate limited: the exchange requested a pause",
                retry_after_s=remaining_s,
            )


@cache
def get_rate_limit_pause(address: str) -> RateLimitPause:
    """Return the pause of *address*, one object for the whole process."""
    return RateLimitPause()


def parse_retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that the headers of a 418 or 429 request, or DEFAULT_PAUSE_S."""
    for name, value in headers.items():
        if name.lower() == "retry-after" and value.strip().isdigit():
            return min(float(value), MAX_PAUSE_S)
    return DEFAULT_PAUSE_S


class RateLimitBudget:
    """
    The request weight used in the current minute, as the exchange counts it.

    The exchange counts all requests of an address. The producer and Airflow's tasks therefore
    leave room for each other without any exchange between them.
    """

    def __init__(self, name: str) -> None:
        self._limit = WEIGHT_LIMITS.get(name)
        self._used = 0
        self._renewed_at_s = 0.0  # monotonic clock

    def record_headers(self, headers: Mapping[str, str]) -> None:
        """Record the used weight and the exchange's time from the headers of a response."""
        by_name = {name.lower(): value for name, value in headers.items()}
        try:
            used, date = int(by_name[USED_WEIGHT]), parsedate_to_datetime(by_name["date"])
        except (KeyError, ValueError):
            return  # the response of a proxy, not of the exchange
        self._used = used
        self._renewed_at_s = time.monotonic() + 60 - date.second

    def check_history(self, action: str) -> None:
        """
        Return if a request for history may be made in this minute.

        Args:
            action: The request to be made, for the error message.

        Raises:
            RateLimited: History has used its share; the next minute starts after `retry_after_s`.
        """
        remaining_s = self._renewed_at_s - time.monotonic()
        if self._limit is None or remaining_s <= 0 or self._used < HISTORY_SHARE * self._limit:
            return
        raise RateLimited(
            f"{action}: {self._used} of the minute's {self._limit} are used: the rest is for live "
            "requests",
            retry_after_s=remaining_s,
        )
