"""Logs: one event a line on stdout, for people on a terminal, as JSON otherwise."""

import contextlib
import logging
import sys

import structlog

# Libraries whose own chatter repeats what our adapters report once, in words of ours.
QUIET = ("kafka", "asyncio", "aiohttp")


class Lines(structlog.PrintLogger):
    """Lines on stdout; where there is no space for one it is lost, and the service goes on."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def configure(service: str) -> None:
    """Set up structlog for a process; every line carries *service*."""
    renderer = (
        structlog.dev.ConsoleRenderer()
        if sys.stdout.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=lambda *_: Lines(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
