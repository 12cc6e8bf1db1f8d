"""Tapes of WebSocket streams, read into a recording."""

import gzip
import math
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path

import msgspec

from include.simulator.recording import Line, Recording, TapeError


def decimals_needed(values: "array[int]") -> int:
    """Return the least number of decimals that holds all *values* (of 1e-8) exactly."""
    divisor, decimals = math.gcd(*values), 8
    while decimals and divisor and divisor % 10 == 0:
        divisor //= 10
        decimals -= 1
    return decimals


def read_tapes(paths: tuple[Path, ...]) -> Recording:
    """
    Read tapes in order as one recording.

    Raises:
        TapeError: A file is missing or damaged, or something is missing from the recording.
    """
    recording = Recording()
    decode = msgspec.json.Decoder(Line).decode
    for path in paths:
        for number, raw in enumerate(_lines(path), 1):
            try:
                recording.add(decode(raw.partition(b" ")[2]))
            except (msgspec.DecodeError, TapeError, ValueError) as error:
                raise TapeError(f"tape {path}, line {number}: {error}") from error
    recording.finish()
    names = " ".join(map(str, paths))
    if not recording.prices:
        raise TapeError(f"tape {names}: expected trades, found none")
    if len(recording.depth.ts_ms) < 2:
        raise TapeError(f"tape {names}: expected depth updates, found none")
    return recording


def _lines(path: Path) -> Iterator[bytes]:
    """Yield "receive-time message" lines; the time is ours, so it is not read."""
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except FileNotFoundError as error:
        raise TapeError(f"tape {path}: no such file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise TapeError(f"tape {path}: not a whole gzip file ({error})") from error
