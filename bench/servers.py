"""Servers of a benchmark's own, in a folder that goes with them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.environment import SIMULATED
from local.free_ports import FreePorts
from local.install import install
from local.line import Line


@contextmanager
def running(*names: str) -> Iterator[Line]:
    """Yield a line of which the servers *names* run; stop them at the end, and forget it."""
    toolchain, ports = install(), FreePorts()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        line = Line(Path(folder), ports.ports(), SIMULATED, toolchain)
        try:
            line.start(names, detached=False)
            yield line
        finally:
            line.stop()
            ports.close()
