"""Ports nobody else uses: for lines that run beside others, such as the tests'."""

import fcntl
import os
import random
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import IO

from local.ports import Ports, is_free

# Below Linux's default range for outgoing connections (32768-60999), above the well-known ones.
RANGE = range(20_000, 32_000)


class FreePorts:
    """
    Ports held for as long as this object is open.

    Each is a locked file in a folder all of this user's processes share, so that two of them never
    choose the same port, even before a server listens on it; a lock ends with its process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir(), f"crypto-kpi-ports-{os.geteuid()}")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._held: list[IO[str]] = []

    def take(self) -> int:
        """Hold one more port and return it."""
        for port in random.sample(RANGE, len(RANGE)):
            file = (self._folder / str(port)).open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            if is_free(port):
                self._held.append(file)
                return port
            file.close()
        raise OSError(f"all ports from {RANGE.start} to {RANGE.stop - 1} are taken")

    def ports(self) -> Ports:
        """Hold a port for each server of a line."""
        return Ports(**{f.name: self.take() for f in fields(Ports)})

    def close(self) -> None:
        """Give all ports back."""
        for file in self._held:
            Path(file.name).unlink(missing_ok=True)
            file.close()
        self._held.clear()
