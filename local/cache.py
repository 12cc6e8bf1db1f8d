"""The per-user cache of what is installed: a folder per component, version and definition."""

import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from include.errors import Misconfigured

FOLDER = "crypto-kpi-pipeline"
POLL_S = 0.2  # how often a second set-up asks for the lock; also how fast it can be cancelled


def cache_root() -> Path:
    """
    Return `${XDG_CACHE_HOME:-~/.cache}/crypto-kpi-pipeline`.

    A relative XDG_CACHE_HOME is ignored, as the specification of that variable says.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / FOLDER


def definition_key(*parts: bytes) -> str:
    """Return 8 hex digits that change with any part and with the machine's architecture."""
    whole = hashlib.sha256(platform.machine().encode())
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:8]


@dataclass(frozen=True)
class Slot:
    """
    The place of one component in the cache.

    A component is complete when its marker is there. What is under way lies in a sibling `.partial`
    folder: `work` keeps what a resumed set-up can use again, `out` becomes the component.
    """

    root: Path
    name: str

    @property
    def path(self) -> Path:
        return self.root / self.name

    @property
    def partial(self) -> Path:
        return self.root / f"{self.name}.partial"

    @property
    def log(self) -> Path:
        return self.root / "logs" / f"{self.name}.log"

    def is_complete(self) -> bool:
        return (self.path / ".complete").is_file()

    def prepare(self) -> Path:
        """
        Make the folders, drop a product cut short, and return the folder to work in.

        Raises:
            Misconfigured: The cache cannot be written.
        """
        work = self.partial / "work"
        try:
            for folder in (work, self.log.parent):
                folder.mkdir(parents=True, exist_ok=True)
            for stale in (self.partial / "out", self.path):
                if stale.exists():
                    shutil.rmtree(stale)
        except PermissionError as error:
            raise Misconfigured(
                f"the cache {self.root} cannot be written ({error.strerror}: {error.filename}): "
                "make it yours, or set XDG_CACHE_HOME to a folder that is"
            ) from error
        return work

    def publish(self, product: Path) -> None:
        """Mark the product complete, move it to its place at once, and drop the leftovers."""
        (product / ".complete").touch()
        if product != self.path:
            product.rename(self.path)
        self.sweep()

    def sweep(self) -> None:
        """Remove what a finished set-up leaves behind, compilers' caches above all."""
        shutil.rmtree(self.partial, ignore_errors=True)

    @contextmanager
    def locked(self, stop: Event, on_wait: Callable[[], None]) -> Iterator[int]:
        """
        Hold the component's lock and yield its file descriptor.

        Tools inherit the descriptor: when this process is killed, the lock stays taken until the
        tools it left behind are gone too. `on_wait` is called once if somebody else holds it.

        Raises:
            KeyboardInterrupt: `stop` was set while waiting.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{self.name}.lock").open("w") as file:
            waiting = False
            while not _try_lock(file.fileno()):
                if not waiting:
                    on_wait()
                waiting = True
                if stop.wait(POLL_S):
                    raise KeyboardInterrupt
            yield file.fileno()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
