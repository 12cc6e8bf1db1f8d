"""Logs: one event a line on stdout, for people on a terminal, as JSON otherwise."""

import logging
import sys

import structlog

# Libraries whose own chatter repeats what our adapters report once, in words of ours.
QUIET = ("kafka", "asyncio", "aiohttp")


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
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
