"""One service's health: its metrics and conditions under one name."""

import socket
from collections.abc import Iterable
from typing import Any

import structlog

from include.errors import Unavailable
from include.streaming.health.conditions import Conditions, State
from include.streaming.health.definitions import CONDITION, READY, RETRIES, Metric
from include.streaming.health.metrics import Metrics

logger = structlog.get_logger()


class Health:
    """
    What a service tells about itself; its loops note, other threads read.

    Attributes:
        instance: Host and port, which tell several of a service apart.
    """

    def __init__(self, service: str, port: int, conditions: Iterable[str]) -> None:
        host = socket.gethostname()
        self.service = service
        self.instance = f"{host}:{port}" if port else host
        self.metrics = Metrics(service)
        self.conditions = Conditions(conditions)
        self.metrics.refreshing = self._refresh
        self._was_ready = False

    def expect(self, metric: Metric, *labels: str) -> None:
        """Let a counter of these labels begin at 0: what never happened is told, not missing."""
        self.metrics.add(metric, *labels, by=0)

    def retried(self, dependency: str) -> None:
        """Count that something is tried again."""
        self.metrics.add(RETRIES, dependency)

    def check(self) -> None:
        """Bring up to date what time alone changes; asked before anybody is told."""

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the service is ready, and what /healthz says."""
        self.check()
        overall = self.conditions.overall()
        body = {
            "service": self.service,
            "instance": self.instance,
            **_told(overall),
            "conditions": {name: _told(s) for name, s in self.conditions.states().items()},
        }
        return overall.reason is None, body

    def say_if_changed(self) -> None:
        """Log when the service becomes ready, and when it no longer is."""
        is_ready, body = self.report()
        if is_ready and not self._was_ready:
            logger.info("health.ready")
        elif self._was_ready and not is_ready:
            logger.warning("health.not_ready", error=body["reason"])
        self._was_ready = is_ready

    def _refresh(self) -> None:
        self.check()
        self.metrics.set(READY, self.conditions.overall().reason is None)
        for name, state in self.conditions.states().items():
            self.metrics.set(CONDITION, state.reason is None, name)


def _told(state: State) -> dict[str, str | None]:
    status = "ready" if state.reason is None else "not ready"
    since = state.since.isoformat(timespec="milliseconds")
    return {"status": status, "reason": state.reason, "since": since}


def reason_of(failure: Exception) -> str:
    """Return a failure's class as a label: few values, whatever its message says."""
    if isinstance(failure, Unavailable) and failure.retry_after_s is not None:
        return "rate_limited"
    return type(failure).__name__.lower()
