"""The consumer's health: what its loop notes, a batch at a time."""

import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from include.errors import Unavailable
from include.influxdb.lines import MEASUREMENTS
from include.kpis.records import Candle, Event, Gap, MarketSnapshot, Point
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
from include.wire import name_of

CONSUMING = "consuming"
STUCK_AFTER_S = 90.0  # the longest honest silence: a write's patience of 60 s, and some
MOST_SAMPLED = 50  # events of a batch whose latency is taken


PARKED_FOR = ("unreadable", "refused", "health")


class Folds(Protocol):
    """What the folds have counted; see `include.streaming.partitions`."""

    def count_late_trades(self) -> int: ...
    def count_repeated_events(self) -> int: ...


class Moment(NamedTuple):
    """What an event was, and when: a candle at its end, trades at their first."""

    type: type[Event]
    ts_ms: int


def moment(event: Event) -> Moment:
    """Return what is noted of *event*."""
    return Moment(type(event), _event_ms(event))


class _Read(NamedTuple):
    """A batch that is read: how many of each type, and some of its events' moments."""

    types: Counter[type[Event]]
    some: Sequence[Moment]
    oldest_ms: int | None


class ConsumerHealth(Health):
    """Notes cost a few microseconds a batch; no note waits for anything."""

    def __init__(
        self, settings: Settings, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        conditions = (KAFKA, INFLUXDB, CONSUMING)
        super().__init__(CONSUMER, settings.consumer_health_port, conditions)
        for dependency in (KAFKA, INFLUXDB):
            self.expect(RETRIES, dependency)
        for reason in PARKED_FOR:
            self.expect(DEAD_LETTERS, reason)
        self._folds: Folds | None = None
        self._positions: Mapping[int, int] = {}
        self._ends: Mapping[int, int] = {}
        self._unwritten: deque[_Read] = deque()
        self._clock_s = clock_s
        self._round_s = clock_s()

    def session_began(self, folds: Folds) -> None:
        """Note whose folds are asked from now on; what was unwritten is read again."""
        self._folds = folds
        self._unwritten.clear()

    def read(self, moments: Sequence[Moment]) -> None:
        """Note a batch that is read and will be stored."""
        some = _some(moments)
        oldest_ms = min((at_ms for _, at_ms in some), default=None)
        self._unwritten.append(_Read(Counter(kind for kind, _ in moments), some, oldest_ms))

    def stored(
        self,
        points: Iterable[type[Point]],
        unreadable: int,
        refused: int,
        at_s: float,
        took_s: float,
    ) -> None:
        """Note that the next batch is stored since *at_s*, but for what was parked."""
        batch = self._unwritten.popleft()
        add = self.metrics.add
        for kind, count in batch.types.items():
            add(RECORDS, name_of(kind), by=count)
        for cls, count in Counter(points).items():
            add(POINTS, MEASUREMENTS[cls][0], by=count)
        for reason, count in (("unreadable", unreadable), ("refused", refused)):
            if count:
                add(DEAD_LETTERS, reason, by=count)
        timely = [at_ms for kind, at_ms in batch.some if kind not in (Candle, Gap)]
        self.metrics.observe(STORE_LATENCY, (at_s - at_ms / 1000 for at_ms in timely))
        self.metrics.observe(WRITE, [took_s])

    def rebalanced(self) -> None:
        """Note that partitions came or went."""
        self.metrics.add(REBALANCES)

    def round_done(self, positions: Mapping[int, int], paused: Collection[int]) -> None:
        """Note where InfluxDB has followed to, and what of ours is not read now."""
        if self._positions.keys() - positions.keys():
            self.rebalanced()
        self._positions = positions
        self.metrics.set(PARTITIONS_OWNED, len(positions))
        self.metrics.set(PARTITIONS_PAUSED, len(paused))

    def moves(self) -> None:
        """Note that nothing waits for InfluxDB, or something has waited and is stored."""
        self._round_s = self._clock_s()
        self.conditions.met(CONSUMING)

    def failed(self, failure: Unavailable) -> None:
        """Note that the loop cannot go on for now, and is about to try again."""
        self._round_s = self._clock_s()
        self.retried(failure.dependency or "unknown")
        self.conditions.failed(CONSUMING, str(failure))

    def ends(self, ends: Mapping[int, int]) -> None:
        """Note where the partitions end."""
        self._ends = ends

    def check(self) -> None:
        """Set what is a matter of the moment; a loop that stands still is stuck."""
        waiting = tuple(self._unwritten)
        oldest_ms = min((b.oldest_ms for b in waiting if b.oldest_ms is not None), default=None)
        age_s = 0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000)
        self.metrics.set(OLDEST_UNWRITTEN, age_s)
        self.metrics.clear(KAFKA_LAG)
        for partition, position in self._positions.items():
            lag = max(0, self._ends.get(partition, position) - position)
            self.metrics.set(KAFKA_LAG, lag, str(partition))
        if self._folds is not None:
            self.metrics.set(LATE_TRADES, self._folds.count_late_trades())
            self.metrics.set(REPEATED, self._folds.count_repeated_events())
        silent_s = self._clock_s() - self._round_s
        if silent_s > STUCK_AFTER_S:
            self.conditions.failed(CONSUMING, f"stuck: nothing done for {silent_s:.0f} s")


def _some(moments: Sequence[Moment]) -> Sequence[Moment]:
    """Return the first and some of the others, evenly: a batch of thousands costs no more."""
    return moments[:: max(1, len(moments) // MOST_SAMPLED)]


def _event_ms(event: Event) -> int:
    match event:
        case MarketSnapshot():
            return event.event_ts_ms
        case Candle():
            return event.open_ts_ms + 60_000
        case Gap():
            return event.recv_ts_ms
    return event.trades[0].ts_ms
