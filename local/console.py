"""What the user sees while something takes its time: one line per event, progress now and then."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TextIO

EVERY_S = 12.0  # between progress reports where lines stay (a file, a CI log)


class Console:
    """
    Lines for a person, on stderr; safe to use from several threads.

    On a terminal, progress is one line that is overwritten; elsewhere it is a line for each thing
    under way, every `every_s` seconds.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._every_s = every_s
        self._clock = clock
        self._last_s = clock()
        self._lock = Lock()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._write(("\r\x1b[K" if self._live else "") + text + "\n")

    def progress(self, under_way: Sequence[str]) -> None:
        """Show what is under way; call it as often as you like."""
        if not under_way:
            return
        with self._lock:
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                self._write("\r\x1b[K" + " | ".join(under_way)[:width])
            elif self._clock() - self._last_s >= self._every_s:
                self._last_s = self._clock()
                self._write("".join(f"{line}\n" for line in under_way))

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
