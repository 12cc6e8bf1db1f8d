"""A program at a terminal, and what the terminal gets."""

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence


def at_terminal(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run *command* to its end; return its exit code and all it wrote."""
    ours, theirs = pty.openpty()
    told = b""
    try:
        with subprocess.Popen(
            command,
            env={**environment, "TERM": "xterm", "COLUMNS": "120"},
            stdin=theirs, stdout=theirs, stderr=theirs,
        ) as process:  # fmt: skip
            os.close(theirs)
            try:
                while part := os.read(ours, 4096):
                    told += part
            except OSError:  # Linux says so that the program has closed it
                pass
    finally:
        os.close(ours)
    return process.returncode, told.decode()
