"""Logs: one event per line on stdout, for people on a terminal, as JSON otherwise."""

import contextlib
import logging
import sys

import structlog

QUIET_LOGGERS = ("kafka", "asyncio", "aiohttp")
"""Loggers of libraries whose messages repeat what the adapters report once."""


class LossyPrintLogger(structlog.PrintLogger):
    """Prints to stdout. If a line cannot be written, it is lost and the service continues."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def configure(service: str) -> None:
    """Configure structlog for this process; each line has *service*."""
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
        logger_factory=lambda *_: LossyPrintLogger(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
