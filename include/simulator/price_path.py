"""The price at any instant: waves of all lengths, from 4 seconds to 50 days, summed."""

import numpy as np

from include.simulator.noise import FloatArray, IntArray, stream, wave

SHIFTS = range(12, 33)  # 2**12 ms = 4 s to 2**32 ms = 50 days, an octave apart

# The sum never leaves base * (1 +- MAX_DEVIATION), so a path stays sane for ever.
MAX_DEVIATION = 0.3

# A random walk's spread grows with the square root of time: so does each wave's height.
_ROOTS = [2.0 ** (shift / 2) for shift in SHIFTS]
AMPLITUDES = [MAX_DEVIATION * root / sum(_ROOTS) for root in _ROOTS]


class PricePath:
    """A path that looks like a random walk up to days and reverts to its base over months."""

    def __init__(self, seed: int, symbol: str, base_ticks: int) -> None:
        self._base_ticks = float(base_ticks)
        self._streams = [stream(seed, symbol, "price", shift) for shift in SHIFTS]

    def mid_ticks(self, ts_ms: IntArray) -> FloatArray:
        """Return the mid price, in ticks, at each of *ts_ms* (ascending)."""
        deviation = np.zeros(len(ts_ms))
        for source, shift, amplitude in zip(self._streams, SHIFTS, AMPLITUDES, strict=True):
            deviation += wave(source, ts_ms, shift) * amplitude
        return self._base_ticks * (1.0 + deviation)
