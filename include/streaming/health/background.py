"""A thread beside the market's stream, which it neither slows nor stops."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

JOIN_TIMEOUT_S = 1.0

logger = structlog.get_logger()


@contextmanager
def repeating(
    name: str, turn: Callable[[], None], interval_s: float, close: Callable[[], None]
) -> Iterator[None]:
    """
    Call *turn* at once and then every *interval_s* until the end of the `with`, then *close*.

    A turn handles the failures it knows. One it does not know is a fault of ours: logged, and
    tried again at the next turn. A turn that hangs at the end is left behind, unclosed.
    """
    stopping = threading.Event()

    def run() -> None:
        while True:
            try:
                turn()
            except Exception:  # a thread's entry point
                logger.exception("health.turn_failed", turn=name)
            if stopping.wait(interval_s):
                close()
                return

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(JOIN_TIMEOUT_S)
