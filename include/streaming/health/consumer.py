"""The consumer's health: what its loop notes, a batch at a time."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from include.errors import Unavailable
from include.influxdb.lines import MEASUREMENTS
from include.kpis.points import Point
from include.kpis.records import Candle, Event, Gap, Tick
from include.settings import Settings
from include.streaming.health.definitions import (
    CONSUMER,
    DEAD_LETTERS,
    KAFKA_LAG,
    LATE_TRADES,
    OLDEST_UNWRITTEN,
    PARTITIONS_OWNED,
    PARTITIONS_PAUSED,
    POINTS,
    REBALANCES,
    RECORDS,
    REPEATED,
    RETRIES,
    STORE_LATENCY,
    WRITE,
)
from include.streaming.health.deliveries import INFLUXDB, KAFKA
from include.streaming.health.health import Health
from include.wire import type_of

CONSUMING = "consuming"
STUCK_AFTER_S = 90.0  # the longest honest silence: a write's patience of 60 s, and some
MOST_SAMPLED = 50  # events of a batch whose latency is taken


PARKED_FOR = ("unreadable", "refused", "health")


class Folds(Protocol):
    """What the folds have counted; see `include.streaming.partitions`."""

    def late(self) -> int: ...
    def repeated(self) -> int: ...


class ConsumerHealth(Health):
    """Notes cost a few microseconds a batch; no note waits for anything."""

    def __init__(self, settings: Settings) -> None:
        conditions = (KAFKA, INFLUXDB, CONSUMING)
        super().__init__(CONSUMER, settings.consumer_health_port, conditions)
        for dependency in (KAFKA, INFLUXDB):
            self.expect(RETRIES, dependency)
        for reason in PARKED_FOR:
            self.expect(DEAD_LETTERS, reason)
        self._folds: Folds | None = None
        self._positions: Mapping[int, int] = {}
        self._ends: Mapping[int, int] = {}
        self._oldest_ms: int | None = None
        self._reading_s = 0.0
        self._round_s = time.monotonic()

    def session_began(self, folds: Folds) -> None:
        """Note whose folds are asked from now on."""
        self._folds = folds

    def reading(self, events: Sequence[Event]) -> None:
        """Note that *events* are read and will be stored."""
        times_ms = [_event_ms(event) for event in _some(events)]
        if self._oldest_ms is not None:
            times_ms.append(self._oldest_ms)
        self._oldest_ms = min(times_ms, default=None)
        self._reading_s = time.monotonic()

    def stored(
        self, events: Sequence[Event], points: Sequence[Point], unreadable: int, refused: int
    ) -> None:
        """Note that all read so far is stored, but for what was parked."""
        add = self.metrics.add
        for kind, count in Counter(map(type_of, events)).items():
            add(RECORDS, kind, by=count)
        for cls, count in Counter(map(type, points)).items():
            add(POINTS, MEASUREMENTS[cls][0], by=count)
        for reason, count in (("unreadable", unreadable), ("refused", refused)):
            if count:
                add(DEAD_LETTERS, reason, by=count)
        now_s = time.time()
        timely = [e for e in _some(events) if not isinstance(e, Candle | Gap)]
        self.metrics.observe(STORE_LATENCY, (now_s - _event_ms(e) / 1000 for e in timely))
        self.metrics.observe(WRITE, [time.monotonic() - self._reading_s])
        self._oldest_ms = None

    def rebalanced(self) -> None:
        """Note that partitions came or went; what they left unwritten is read again."""
        self.metrics.add(REBALANCES)
        self._oldest_ms = None

    def round_done(self, positions: Mapping[int, int], paused: Collection[int]) -> None:
        """Note that the loop goes round, and where it stands."""
        if self._positions.keys() - positions.keys():
            self.rebalanced()
        self._positions = positions
        self._round_s = time.monotonic()
        self.conditions.met(CONSUMING)
        self.metrics.set(PARTITIONS_OWNED, len(positions))
        self.metrics.set(PARTITIONS_PAUSED, len(paused))

    def failed(self, failure: Unavailable) -> None:
        """Note that the loop cannot go on for now, and is about to try again."""
        self._round_s = time.monotonic()
        self.retried(failure.dependency or "unknown")
        self.conditions.failed(CONSUMING, str(failure))

    def ends(self, ends: Mapping[int, int]) -> None:
        """Note where the partitions end."""
        self._ends = ends

    def check(self) -> None:
        """Set what is a matter of the moment; a loop that stands still is stuck."""
        oldest_ms = self._oldest_ms
        age_s = 0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000)
        self.metrics.set(OLDEST_UNWRITTEN, age_s)
        self.metrics.clear(KAFKA_LAG)
        for partition, position in self._positions.items():
            lag = max(0, self._ends.get(partition, position) - position)
            self.metrics.set(KAFKA_LAG, lag, str(partition))
        if self._folds is not None:
            self.metrics.set(LATE_TRADES, self._folds.late())
            self.metrics.set(REPEATED, self._folds.repeated())
        silent_s = time.monotonic() - self._round_s
        if silent_s > STUCK_AFTER_S:
            self.conditions.failed(CONSUMING, f"stuck: nothing done for {silent_s:.0f} s")


def _some(events: Sequence[Event]) -> Sequence[Event]:
    """Return the first and some of the others, evenly: a batch of thousands costs no more."""
    return events[:: max(1, len(events) // MOST_SAMPLED)]


def _event_ms(event: Event) -> int:
    match event:
        case Tick():
            return event.event_ts_ms
        case Candle():
            return event.open_ts_ms + 60_000
        case Gap():
            return event.recv_ts_ms
    return event.trades[0].ts_ms
