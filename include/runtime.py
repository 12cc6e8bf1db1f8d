"""What a process runs with: exit codes, a progress bar, and tuned garbage collection."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from include.errors import Exit, PipelineError

GC_THRESHOLD = 100_000
"""Containers allocated between two collections; a batch of 5,000 snapshots has about 200,000."""


def run_command(name: str, work: Callable[[], None]) -> int:
    """
    Run *work*. Print one line to stderr if it raises a PipelineError.

    Args:
        name: Name of the command, which starts the line.
        work: The command.

    Returns:
        The exit code, one of `include.errors.Exit`.
    """
    try:
        work()
    except PipelineError as e:
        print(f"{name}: {e}", file=sys.stderr)
        return e.exit_code
    return Exit.OK


@contextmanager
def tune_gc() -> Iterator[None]:
    """
    Collect garbage less often while the context lasts.

    Decoded records and rows are many and contain no reference cycles. With Python's default, the
    collector takes two thirds of the time that decoding a snapshot takes, and 7 % of a drain.
    `bench.consumer` measured 4,733 points a second with the default, and 7,552 with this threshold.
    """
    before = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def show_progress(description: str) -> Iterator[Callable[..., None]]:
    """
    Show a progress bar on stderr while the context lasts, if stderr is a terminal.

    Yields a function that updates the bar with any of `completed=`, `total=`, and `description=`.
    Without a total the bar only shows activity.

    Args:
        description: Text before the bar.
    """
    # Imported here, because services import this module too, and never show a bar.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield partial(bar.update, bar.add_task(description, total=None))
