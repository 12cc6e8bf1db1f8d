"""Programs of the pipeline, started on a line's servers and ended with their context."""

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.layout import REPOSITORY
from local.line import Line

STOP_S = 20.0

type Program = subprocess.Popen[bytes]


@contextmanager
def running(line: Line, command: Sequence[str], told: Mapping[str, str]) -> Iterator[Program]:
    """Run `python -m` *command* with the line's environment and *told*; its log has its name."""
    environment = {**line.environment(), **told}
    python = Path(environment["PATH"].partition(":")[0]) / "python"
    with line.layout.log(command[0]).open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", *command],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_line(line: Line, name: str) -> str:
    """Return what the program called *name* said last."""
    lines = line.layout.log(name).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"{name} said nothing"
