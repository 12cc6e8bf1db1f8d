"""Send a service's own health somewhere, snapshot after snapshot, whatever else it does."""

from collections import deque
from collections.abc import Callable, Sequence

import structlog

from include.errors import PipelineError
from include.streaming.health.definitions import HEALTH_DROPPED
from include.streaming.health.health import Health
from include.streaming.health.snapshots import Camera, Snapshot

MOST_WAITING = 360  # an hour at the default interval

logger = structlog.get_logger()

type Deliver = Callable[[Sequence[Snapshot]], None]


class Reporter:
    """
    Takes a snapshot a turn; those that cannot be delivered wait, and the oldest give way.

    What gave way is counted in the snapshots that follow.
    """

    def __init__(self, health: Health, deliver: Deliver) -> None:
        self._health = health
        self._camera = Camera(health)
        self._deliver = deliver
        self._waiting: deque[Snapshot] = deque()

    def turn(self) -> None:
        """Take one snapshot; deliver all that wait."""
        self._health.say_if_changed()
        self._waiting.append(self._camera.take())
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._health.metrics.add(HEALTH_DROPPED)
        try:
            self._deliver(tuple(self._waiting))
        except PipelineError as e:
            logger.debug("health.undelivered", error=str(e), waiting=len(self._waiting))
            return
        self._waiting.clear()
