"""Best bid and ask of the generated market, and the depth behind them, at any instant."""

from typing import NamedTuple

import numpy as np

from include.simulator.activity import LISTED_MS
from include.simulator.listings import Listing
from include.simulator.market import Book
from include.simulator.noise import FloatArray, IntArray, stream, uniform, wave
from include.simulator.price_path import PricePath

STEP_MS = 100  # the book moves ten times a second, as Binance's depth stream does
SIZE_LIFE_MS = 5_000  # how long a level keeps its size
TILT_SHIFT = 15  # 2**15 ms: buyers or sellers prevail for half a minute
MAX_TILT = 0.8
LEVEL_LOTS = 4  # mean size of a level, in mean trades
DEPTH_SHARE = 0.002  # a thousand levels reach this far from the mid


class Top(NamedTuple):
    """Best bid and ask, in ticks, at each of some instants."""

    bid: IntArray
    ask: IntArray


class Quotes:
    """Quotes as a function of time: nothing is remembered, so any instant may be asked."""

    def __init__(self, seed: int, listing: Listing) -> None:
        name = listing.symbol.name
        self._path = PricePath(seed, name, listing.base_ticks)
        self._spread, self._tilt, self._present, self._size, self._phase = (
            stream(seed, name, part) for part in ("spread", "tilt", "level", "size", "phase")
        )
        self._max_spread = max(2, listing.base_ticks // 300_000)
        self._gap = max(1, round(listing.base_ticks * DEPTH_SHARE / 1000))  # ticks between levels
        self._level_lots = listing.trade_lots * LEVEL_LOTS

    def top(self, ts_ms: IntArray) -> Top:
        """Return bid < ask at each of *ts_ms* (ascending)."""
        step = ts_ms // STEP_MS
        mid = np.floor(self._path.mid_ticks(step * STEP_MS)).astype(np.int64)
        width = 1 + (uniform(self._spread, step) ** 4 * self._max_spread).astype(np.int64)
        bid = mid - width // 2
        return Top(bid, bid + width)

    def tilt(self, ts_ms: IntArray) -> FloatArray:
        """Return how far buyers prevail: -MAX_TILT (sellers) to MAX_TILT."""
        return MAX_TILT * wave(self._tilt, ts_ms, TILT_SHIFT)

    def book(self, now_ms: int, levels: int) -> Book:
        """Return the book of *now_ms*; its update id counts the steps since the listing."""
        step = now_ms // STEP_MS
        now = np.array([step * STEP_MS])
        top = self.top(now)
        tilt = float(self.tilt(now)[0])
        return Book(
            step - LISTED_MS // STEP_MS,
            self._side(int(top.bid[0]), -1, levels, int(now[0]), 1.0 + tilt),
            self._side(int(top.ask[0]), 1, levels, int(now[0]), 1.0 - tilt),
        )

    def _side(
        self, best: int, direction: int, levels: int, now_ms: int, tilt: float
    ) -> list[tuple[int, int]]:
        """Return levels from *best* away; which prices hold one does not change with time."""
        reach = (3 * levels + 50) * self._gap  # a third as many would do on average
        prices: IntArray = best + direction * np.arange(reach)
        prices = prices[prices > 0]
        present = uniform(self._present, prices) * self._gap < 1.0
        present[0] = True
        prices = prices[present][:levels]
        age = (now_ms + (uniform(self._phase, prices) * SIZE_LIFE_MS).astype(np.int64)) // (
            SIZE_LIFE_MS
        )
        u = uniform(self._size, prices * 1_000_003 + age)
        lots = 1 + (self._level_lots * tilt * (0.1 + 4.5 * u * u * u * u)).astype(np.int64)
        return list(zip(prices.tolist(), lots.tolist(), strict=True))
