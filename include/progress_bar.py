"""A bar for a person who waits; nothing where there is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[..., None]]:
    """
    Yield what moves a bar on stderr: `completed=`, `total=`, `description=`, any of them.

    Without a total it only shows that something goes on. At the end it is wiped away.
    """
    told = TextColumn("{task.description}", markup=False)
    columns = (told, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield partial(bar.update, bar.add_task(description, total=None))
