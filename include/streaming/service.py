"""Run a service until a signal, and turn its failure into an exit code and one log entry."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine

import structlog

from include.errors import Exit, PipelineError

# A thread that waits for Kafka cannot be cancelled, and may wait for half a minute. The process
# exits this long after the signal, with such threads or without.
STOP_TIMEOUT_S = 8.0

logger = structlog.get_logger()


def run(start: Callable[[], Coroutine[None, None, None]]) -> int:
    """
    Run the coroutine of *start* until it ends, or until SIGTERM or SIGINT cancels it.

    The process exits with 0 at most STOP_TIMEOUT_S after the signal, even if threads still wait.
    Use it only for work that may be killed at any time.

    Args:
        start: Returns the coroutine.

    Returns:
        The exit code, which is 0 after a signal, else that of the error (`include.errors.Exit`).
    """
    return _to_exit_code(lambda: asyncio.run(_run_until_signal(start)))


def run_until_stopped(work: Callable[[threading.Event], None]) -> int:
    """
    Run *work* in this thread. SIGTERM or SIGINT sets its event.

    The process exits with 0 at most STOP_TIMEOUT_S after the signal, as with `run`.

    Args:
        work: The work, which returns soon after its event is set.

    Returns:
        The exit code, as `run` returns it.
    """
    stopping = threading.Event()

    def stop(*_: object) -> None:
        if not stopping.is_set():
            _schedule_exit()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return _to_exit_code(lambda: work(stopping))


def _to_exit_code(work: Callable[[], None]) -> int:
    try:
        work()
    except PipelineError as e:
        logger.error("service.stopped", kind=type(e).__name__, error=str(e))
        return e.exit_code
    return Exit.OK


async def _run_until_signal(start: Callable[[], Coroutine[None, None, None]]) -> None:
    task = asyncio.ensure_future(start())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        _schedule_exit()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _schedule_exit() -> None:
    """Exit the process after STOP_TIMEOUT_S if it still runs."""

    def end() -> None:
        try:
            logger.warning("service.stopped_late", after_s=STOP_TIMEOUT_S)
            sys.stdout.flush()
        finally:  # also if the log cannot be written
            os._exit(Exit.OK)

    timer = threading.Timer(STOP_TIMEOUT_S, end)
    timer.daemon = True
    timer.start()


def get_first[E: Exception](failures: ExceptionGroup[E]) -> E:
    """Return the first failure of a group, also of a nested one."""
    failure = failures.exceptions[0]
    return get_first(failure) if isinstance(failure, ExceptionGroup) else failure
