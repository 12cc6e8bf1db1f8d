"""The processes of a line, found by the marker in their environment, whoever started them."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from local.environment import MARKER
from local.layout import Layout

TERM_WAIT_S = 8.0
KILL_WAIT_S = 5.0


def line_processes(layout: Layout) -> list[psutil.Process]:
    """
    Return the processes that carry the line's marker, and PostgreSQL's.

    PostgreSQL's may belong to another user, whose environment we may be forbidden to read: it is
    known by the process id in its data folder and the folder in its command.
    """
    wanted, own = str(layout.root), os.getpid()
    found = [p for p in psutil.process_iter() if p.pid != own and _marker(p) == wanted]
    postmaster = _postmaster(layout.postgres_data)
    if postmaster is not None and postmaster not in found:
        found.append(postmaster)
    return found


def end_processes(processes: Iterable[psutil.Process], *, term_wait_s: float = TERM_WAIT_S) -> None:
    """Terminate these processes, kill what is left after a while; return when they are gone."""
    alive = list(processes)
    for process in alive:
        _send(process, kill=False)
    _, alive = psutil.wait_procs(alive, timeout=term_wait_s)
    for process in alive:
        _send(process, kill=True)
    psutil.wait_procs(alive, timeout=KILL_WAIT_S)


def memory_bytes(pid: int) -> int:
    """Return what a process and its descendants hold, shared pages counted once (PSS)."""
    try:
        top = psutil.Process(pid)
        return sum(_proportional(p) for p in [top, *top.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _proportional(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _marker(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARKER)
    except (psutil.Error, OSError):
        return None


def _postmaster(data: Path) -> psutil.Process | None:
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        process = psutil.Process(pid)
        return process if str(data) in process.cmdline() else None
    except (OSError, ValueError, psutil.Error):
        return None


def _send(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
