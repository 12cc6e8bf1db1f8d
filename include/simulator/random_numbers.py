"""Random numbers by position: the n-th number of a stream without the numbers before it."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

# Constants of splitmix64 (Steele, Lea, Flood 2014).
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
S27, S30, S31, S11 = (np.uint64(n) for n in (27, 30, 31, 11))


def make_stream(*names: object) -> int:
    """Return the stream called *names*; equal names give equal numbers on any machine."""
    text = "\x1f".join(map(str, names)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def bits(source: int, positions: IntArray) -> NDArray[np.uint64]:
    """Return 64 random bits for each of *positions*."""
    z = positions.astype(np.uint64) * GOLDEN_GAMMA + np.uint64(source)
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return z ^ (z >> S31)


def uniform(source: int, positions: IntArray) -> FloatArray:
    """Return a number in [0, 1) for each of *positions*."""
    return (bits(source, positions) >> S11).astype(np.float64) * 2.0**-53


def wave(source: int, ts_ms: IntArray, shift: int) -> FloatArray:
    """
    Return smooth noise in [-1, 1] at *ts_ms* (ascending), with a period of about 2**shift ms.

    It uses only +, - and * on floats, so that every machine gives the same bits.
    """
    cell = ts_ms >> shift
    first = int(cell[0])
    lattice = uniform(source, np.arange(first, int(cell[-1]) + 2)) * 2.0 - 1.0
    x = (ts_ms - (cell << shift)) * 2.0**-shift
    cell -= first
    left = lattice[cell]
    result: FloatArray = left + (lattice[cell + 1] - left) * (x * x * (3.0 - 2.0 * x))
    return result
