"""Points into InfluxDB: patient while it is away, exact about which point it refuses."""

import threading
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import tenacity

from include import retry
from include.broker.records import Record
from include.errors import BadRecord, Unavailable
from include.influxdb import lines
from include.kpis.records import Point
from include.streaming.dead_letters import DeadLetter

PATIENCE_S = 60.0  # of one write with its sink; well below Kafka's max.poll.interval of 5 minutes
MOST_POINTS = 10_000  # of one request: some 2 MB; a page of trades makes many points of one record


class Made(NamedTuple):
    """
    A point, and the record whose event made it.

    Attributes:
        kind: What it was; its numbers are in the line alone, and far less memory than as objects.
        line: As InfluxDB takes it; empty if it has no value at all.
    """

    record: Record
    kind: type[Point]
    line: str


def made(record: Record, point: Point) -> Made:
    """Return *point* as what is kept of it until it is stored."""
    return Made(record, type(point), lines.line_of(point))


class Sink(Protocol):
    """Where points go; writing the same points twice equals writing them once."""

    def write(self, lines: bytes) -> None: ...


class PointWriter:
    """Write batches of points; each failure tried again goes to *report*."""

    def __init__(self, sink: Sink, report: retry.Report) -> None:
        self._sink = sink
        self._report = report
        self._in_a_hurry = threading.Event()

    def hurry(self) -> None:
        """Try nothing again from now on; any thread may say so."""
        self._in_a_hurry.set()

    def write(self, made: Sequence[Made]) -> list[DeadLetter]:
        """
        Store all points, in their order; return the records whose points the sink refuses.

        Raises:
            Unavailable: The sink stayed away, or is and we are in a hurry; some may be stored.
            Misconfigured: The sink refuses us.
        """
        letters: dict[Record, DeadLetter] = {}
        for start in range(0, len(made), MOST_POINTS):
            refused = self._refused(made[start : start + MOST_POINTS])
            letters |= {letter.record: letter for letter in refused}
        return list(letters.values())

    def _refused(self, made: Sequence[Made]) -> list[DeadLetter]:
        """Write; of points that are refused together, find those to blame by halves."""
        try:
            self._write("\n".join([line for _, _, line in made if line]).encode())
        except BadRecord as e:
            if len(made) == 1:
                return [DeadLetter(made[0].record, str(e))]
            middle = len(made) // 2
            return self._refused(made[:middle]) + self._refused(made[middle:])
        return []

    def _write(self, batch: bytes) -> None:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            wait=retry.wait_s,
            before_sleep=retry.report_with(self._report),
            sleep=tenacity.sleep_using_event(self._in_a_hurry),
            stop=tenacity.stop_any(
                tenacity.stop_after_delay(PATIENCE_S),
                tenacity.stop_when_event_set(self._in_a_hurry),
            ),
            reraise=True,
        ):
            with attempt:
                self._sink.write(batch)
