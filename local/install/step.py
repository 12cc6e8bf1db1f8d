"""One component's set-up as it goes: what it is doing, the tools it runs, and their end."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock

from include.errors import Unavailable
from local.install.failure import explain, plain

GRACE_S = 5.0  # between asking a tool to end and ending it
ATTEMPTS = 2  # of a tool that could not reach the network
PAUSE_S = 3.0  # between them


class Step:
    """
    Runs a component's tools one after another, their output in the component's log.

    Each tool has a process group of its own, so that Ctrl-C reaches it through `end` alone and
    takes its children with it.

    Args:
        name: The component.
        log: File that the tools' output is appended to.
        stop: Set when the whole set-up is to end.
        lock: Descriptor of the component's lock, inherited by the tools (see `Slot.locked`).
    """

    def __init__(self, name: str, log: Path, stop: Event, lock: int) -> None:
        self.name = name
        self.log = log
        self.started_s = time.monotonic()
        self._stop = stop
        self._lock = lock
        self._doing = "starting"
        self._tool: subprocess.Popen[bytes] | None = None
        self._guard = Lock()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_s

    def describe(self) -> str:
        """Return what is being done now, in one line, with the newest line of the log."""
        newest = _last_line(self.log)
        detail = f": {newest[:70]}" if newest else ""
        return f"{self.name} {self.elapsed_s:.0f} s, {self._doing}{detail}"

    def run(
        self,
        command: Sequence[str | Path],
        doing: str,
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """
        Run a tool to its end, again if it could not reach the network.

        Raises:
            PipelineError: It failed; the message is one line with the cause and the log's path.
            KeyboardInterrupt: The set-up is ending.
        """
        self._doing = doing
        for attempt in range(1, ATTEMPTS + 1):
            start, code = self._run_once([str(part) for part in command], cwd, env or os.environ)
            if self._stop.is_set():
                raise KeyboardInterrupt
            if code == 0:
                return
            error = explain(self.name, doing, self.log, start)
            if not isinstance(error, Unavailable) or attempt == ATTEMPTS:
                raise error
            self._stop.wait(PAUSE_S)

    def end(self) -> None:
        """End the tool that is running, if any, with its children."""
        with self._guard:
            tool = self._tool
        if tool is None:
            return
        _signal_group(tool, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            tool.wait(GRACE_S)
        _signal_group(tool, signal.SIGKILL)

    def _run_once(self, command: list[str], cwd: Path, env: Mapping[str, str]) -> tuple[int, int]:
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode())
            log.flush()
            start = log.tell()
            with self._guard:
                if self._stop.is_set():
                    raise KeyboardInterrupt
                self._tool = subprocess.Popen(
                    command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, pass_fds=(self._lock,),
                )  # fmt: skip
            code = self._tool.wait()
        with self._guard:
            self._tool = None
        return start, code


def _signal_group(tool: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(tool.pid, number)
    except ProcessLookupError:
        return


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    printed = (plain(line) for line in reversed(lines) if not line.startswith("$ "))
    return next(filter(None, printed), "")
