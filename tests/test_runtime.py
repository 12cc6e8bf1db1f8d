"""The progress bar on a terminal, and in a file."""

import os
import subprocess
import sys

from tests.terminal import at_terminal

PROGRAM = """
from include.runtime import show_progress
with show_progress("candles") as advance:
    advance(completed=1, total=4, description="candles [of May]")
"""
COMMAND = [sys.executable, "-c", PROGRAM]


def test_a_terminal_gets_a_bar_that_is_erased_at_the_end():
    code, output = at_terminal(COMMAND, os.environ)

    assert code == 0
    assert "candles [of May]" in output
    assert "25%" in output
    assert output.rstrip("\r\n").endswith("\x1b[2K")


def test_a_file_gets_nothing():
    done = subprocess.run(COMMAND, capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"", b"")
