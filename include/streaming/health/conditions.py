"""What must hold for a service to be ready, since when it does or does not, and why not."""

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

NOT_YET = "not reached yet"


class State(NamedTuple):
    """
    One condition, or all of them together.

    Attributes:
        reason: Why it does not hold; None if it does.
        since: When that began, or when it began to hold.
    """

    reason: str | None
    since: datetime


class Conditions:
    """Named conditions, none of which holds at first; any thread may change them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._lock = threading.Lock()
        now = datetime.now(UTC)
        self._states = {name: State(NOT_YET, now) for name in names}
        self._overall = State(NOT_YET, now)

    def met(self, name: str) -> None:
        """Note that a condition holds."""
        if self._states[name].reason is not None:
            self._change(name, None)

    def failed(self, name: str, reason: str) -> None:
        """Note why a condition does not hold; the first reason's time stands."""
        self._change(name, reason)

    def states(self) -> Mapping[str, State]:
        """Return each condition's state."""
        with self._lock:
            return dict(self._states)

    def overall(self) -> State:
        """Return whether all hold; the time is when somebody first asked and found it so."""
        with self._lock:
            failing = {name: s.reason for name, s in self._states.items() if s.reason is not None}
            reason = "; ".join(f"{name}: {why}" for name, why in failing.items()) or None
            if (reason is None) != (self._overall.reason is None):
                self._overall = State(reason, datetime.now(UTC))
            self._overall = State(reason, self._overall.since)
            return self._overall

    def _change(self, name: str, reason: str | None) -> None:
        with self._lock:
            before = self._states[name]
            is_new = (before.reason is None) != (reason is None)
            self._states[name] = State(reason, datetime.now(UTC) if is_new else before.since)
