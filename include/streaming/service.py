"""What both services share at their edge: signals in, exit codes out, one line for a failure."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine

import structlog

from include.errors import Exit, PipelineError

# A thread that waits for Kafka, for a commit or a first answer, cannot be cancelled and may stay
# for half a minute: who was told to stop is not there any longer after this.
STOP_WITHIN_S = 8.0

logger = structlog.get_logger()


def run(start: Callable[[], Coroutine[None, None, None]]) -> int:
    """
    Run *start*'s coroutine until it ends, or until SIGTERM or SIGINT cancels it.

    The process ends with 0 at most STOP_WITHIN_S after the signal, whatever its threads wait for:
    only what may be killed at any time is to be run so.

    Returns:
        The process's exit code: 0 after a signal, else as `include.errors.Exit` says.
    """
    return _exit_code(lambda: asyncio.run(_until_signalled(start)))


def run_until_stopped(work: Callable[[threading.Event], None]) -> int:
    """
    Run *work* in this thread; SIGTERM or SIGINT sets the event it is handed.

    Returns:
        The process's exit code, as `run` does; the process ends as late as with `run`.
    """
    stopping = threading.Event()

    def stop(*_: object) -> None:
        if not stopping.is_set():
            _end_at_the_latest()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return _exit_code(lambda: work(stopping))


def _exit_code(work: Callable[[], None]) -> int:
    try:
        work()
    except PipelineError as e:
        logger.error("service.stopped", kind=type(e).__name__, error=str(e))
        return e.exit_code
    return Exit.OK


async def _until_signalled(start: Callable[[], Coroutine[None, None, None]]) -> None:
    task = asyncio.ensure_future(start())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        _end_at_the_latest()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _end_at_the_latest() -> None:
    """End this process after STOP_WITHIN_S, should it still be there."""

    def end() -> None:
        try:
            logger.warning("service.stopped_late", after_s=STOP_WITHIN_S)
            sys.stdout.flush()
        finally:  # also where the log's disk is full
            os._exit(Exit.OK)

    timer = threading.Timer(STOP_WITHIN_S, end)
    timer.daemon = True
    timer.start()


def first[E: Exception](failures: ExceptionGroup[E]) -> E:
    """Return one failure of a group of them: a process stops for one reason."""
    failure = failures.exceptions[0]
    return first(failure) if isinstance(failure, ExceptionGroup) else failure
