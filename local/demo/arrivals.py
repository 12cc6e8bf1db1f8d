"""Watch a line that starts: when the first KPI and the first scheduled drain's rows are there."""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

from include.errors import Misconfigured, PipelineError, Unavailable
from local.demo import access
from local.demo.figures import DRAIN
from local.demo.postgres_figures import PostgresFigures
from local.line import Line
from local.status import misconfigured

POLL_S = 0.5
PATIENCE_S = 240.0


class Arrivals:
    """
    What arrived since `begin`, noticed by a thread of its own while the line still starts.

    Attributes:
        point_s: Seconds from `begin` to the first KPI in InfluxDB; None until then.
        drain_s: Seconds to the first successful scheduled drain whose rows are in PostgreSQL.
    """

    def __init__(self, line: Line) -> None:
        self.point_s: float | None = None
        self.drain_s: float | None = None
        self._line = line
        self._began_at = datetime.now(UTC)
        self._began_s = time.monotonic()
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._watch, name="arrivals", daemon=True)

    def begin(self) -> None:
        """Start watching."""
        self._thread.start()

    def end(self) -> None:
        """Stop watching."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait(self) -> None:
        """
        Return when both have arrived.

        Raises:
            Misconfigured: A service says that a setting is wrong.
            PipelineError: They did not come in time; the message says which.
        """
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            with self._changed:
                if self._changed.wait_for(lambda: self.drain_s is not None, POLL_S):
                    return
            if wrong := misconfigured(self._line):
                raise Misconfigured("; ".join(wrong))
        missing = "a KPI in InfluxDB" if self.point_s is None else f"rows of a scheduled {DRAIN}"
        raise PipelineError(
            f"expected {missing} within {PATIENCE_S:.0f} s, found none: see `make status` and the "
            f"logs in {self._line.layout.logs}"
        )

    def _watch(self) -> None:
        while not self._over.wait(POLL_S):
            with suppress(Unavailable, FileNotFoundError):  # not up yet
                if self.point_s is None and self._has_point():
                    self._note("point_s")
                if self.point_s is not None and self._has_drained():
                    self._note("drain_s")
                    return

    def _note(self, name: str) -> None:
        with self._changed:
            setattr(self, name, time.monotonic() - self._began_s)
            self._changed.notify_all()

    def _has_point(self) -> bool:
        influxdb = access.open_influxdb(self._line)
        try:
            return bool(influxdb.points(self._began_at))
        finally:
            influxdb.close()

    def _has_drained(self) -> bool:
        runs = access.open_airflow(self._line).scheduled_runs(DRAIN, self._began_at)
        if not runs["success"]:
            return False
        postgres = PostgresFigures(access.reader_settings(self._line))
        try:
            newest = postgres.newest_snapshot()
            return newest is not None and newest >= self._began_at
        finally:
            postgres.close()
