"""When trades happen and which ids they bear: a plan that can be opened at any day."""

import numpy as np

from include.simulator.cache import BoundedCache
from include.simulator.noise import IntArray, stream, uniform, wave
from include.simulator.trades import DAY_MS, MINUTE_MS

DAY_MINUTES = 1440
LISTED_MS = 1_735_689_600_000  # 2025-01-01T00:00Z: no trade is older
LISTED_DAY = LISTED_MS // DAY_MS

QUIET_SHARE = 0.02  # minutes without a trade
QUIET_SPELL_SHARE = 0.004  # the same for five minutes in a row
BURST_SHARE = 0.015
BURST_FACTOR = 6.0
ACTIVITY_SHIFT = 21  # 2**21 ms: activity swells and ebbs over half an hour

# Of each 16 aggregates some hold several raw trades, five more than 16 in all.
RUN, RUN_RAW, RUNS = 16, 21, 256


class TradePlan:
    """
    Minutes and ids of a symbol's trades.

    Every UTC day has the same number of aggregates, and every run of 16 aggregates the same number
    of raw trades: so any id is arithmetic, with nothing to sum since the listing.
    """

    def __init__(self, seed: int, symbol: str, trades_per_minute: float) -> None:
        self.trades_per_day = max(1, round(trades_per_minute * DAY_MINUTES))
        self._weights, self._moods, self._spells, self._swell, self._runs = (
            stream(seed, symbol, name) for name in ("weight", "mood", "spell", "swell", "run")
        )
        self._raw_offsets = _raw_offsets(stream(seed, symbol, "raw"))
        self._days: BoundedCache[int, IntArray] = BoundedCache(64)

    def minute_ids(self, day: int) -> IntArray:
        """Return the first id of each minute of *day* (since 1970), and of the next midnight."""
        return self._days.get(day, lambda: self._make_day(day))

    def minute_of(self, trade_id: int) -> int:
        """Return the minute (since 1970) in which the trade of that id falls."""
        day = LISTED_DAY + trade_id // self.trades_per_day
        inside = np.searchsorted(self.minute_ids(day), trade_id, side="right")
        return day * DAY_MINUTES + int(inside) - 1

    def first_raw(self, first_id: int, n: int) -> IntArray:
        """Return the first raw id of *n* aggregates from *first_id*, and of the one after."""
        ids = np.arange(first_id, first_id + n + 1)
        run = ids // RUN
        pattern = (uniform(self._runs, run) * RUNS).astype(np.int64)
        result: IntArray = run * RUN_RAW + self._raw_offsets[pattern, ids % RUN]
        return result

    def _make_day(self, day: int) -> IntArray:
        minute = np.arange(day * DAY_MINUTES, (day + 1) * DAY_MINUTES)
        noon = (minute % DAY_MINUTES) / DAY_MINUTES
        weight = 0.7 + 1.8 * noon * (1.0 - noon)
        weight *= 1.0 + 0.5 * wave(self._swell, minute * MINUTE_MS, ACTIVITY_SHIFT)
        weight *= 0.4 + 1.2 * uniform(self._weights, minute)
        mood = uniform(self._moods, minute)
        weight[mood > 1.0 - BURST_SHARE] *= BURST_FACTOR
        weight[mood < QUIET_SHARE] = 0.0
        weight[uniform(self._spells, minute // 5) < QUIET_SPELL_SHARE] = 0.0
        cumulative = np.concatenate(([0], np.cumsum((weight * 1000).astype(np.int64))))
        first_id = (day - LISTED_DAY) * self.trades_per_day
        result: IntArray = first_id + self.trades_per_day * cumulative // cumulative[-1]
        return result


def _raw_offsets(source: int) -> IntArray:
    """Return RUNS ways to spread RUN_RAW raw trades over RUN aggregates, as running totals."""
    extra = RUN_RAW - RUN
    draws = uniform(source, np.arange(RUNS * extra * 2)).reshape(RUNS, extra, 2)
    counts = np.ones((RUNS, RUN), dtype=np.int64)
    for pattern in range(RUNS):
        place = 0
        for i, (where, again) in enumerate(draws[pattern].tolist()):
            if i == 0 or again < 0.5:
                place = int(where * RUN)
            counts[pattern, place] += 1
    return np.concatenate((np.zeros((RUNS, 1), np.int64), counts.cumsum(axis=1)), axis=1)
