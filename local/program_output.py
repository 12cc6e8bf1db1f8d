"""Run a program for what it prints: its version, a listing."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT_S = 30


def read_output(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    *,
    with_errors: bool = False,
) -> str:
    """
    Return what a program prints, "" if it cannot run, fails, or does not end within TIMEOUT_S.

    It runs in `/`, where no file of a project, such as a toolchain's, changes what it does.

    Args:
        command: The program and its arguments.
        environment: Variables in addition to those of this process.
        with_errors: Whether to append what it prints to stderr.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd="/", env=os.environ | (environment or {}), capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if done.returncode != 0:
        return ""
    printed = done.stdout + done.stderr if with_errors else done.stdout
    return printed.decode(errors="replace")
