"""The bar, as a terminal gets it and as a file does."""

import os
import subprocess
import sys

from tests.terminal import at_terminal

MOVED = """
from include.progress_bar import progress_bar
with progress_bar("candles") as advance:
    advance(completed=1, total=4, description="candles [of May]")
"""
COMMAND = [sys.executable, "-c", MOVED]


def test_a_terminal_gets_a_bar_that_is_wiped_away():
    code, told = at_terminal(COMMAND, os.environ)

    assert code == 0
    assert "candles [of May]" in told
    assert "25%" in told
    assert told.rstrip("\r\n").endswith("\x1b[2K")


def test_a_file_gets_nothing():
    done = subprocess.run(COMMAND, capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"", b"")
