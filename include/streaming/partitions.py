"""
The folds of the partitions this consumer owns, and their checkpoints.

The law: write to InfluxDB, then checkpoint the state together with the offset it has seen. A
checkpoint may be late, never early: what lies between it and a crash is folded again, to the
same points.

Two consumers own a partition for a moment if one of them slept longer than its session. The
sleeper's points equal the new owner's. Its checkpoint is not written, for `commit` says it is out;
unless it falls asleep between that and the write. Then an older checkpoint, as good as any,
stands until the owner's next: a crash before that folds more again, nothing else.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from include.broker.group_member import Extent
from include.broker.records import Outgoing
from include.errors import Unavailable
from include.kpis.points import Point
from include.kpis.records import Event
from include.settings import Settings
from include.streaming import checkpoints
from include.streaming.checkpoints import Checkpoint
from include.streaming.partition import Partition, resumed

SAVE_EVERY_S = 1.0
SAVE_TIMEOUT_S = 30.0
GIVE_BACK_TIMEOUT_S = 2.0  # heartbeats wait for it: well below the session's 6 s

logger = structlog.get_logger()


class Writer(Protocol):
    """Writes records to Kafka; see `include.broker.writer.AcknowledgedWriter`."""

    def write(self, records: Sequence[Outgoing], timeout_s: float = ...) -> None: ...


class Group(Protocol):
    """Knows whether we are still in the group; see `GroupMember.commit`."""

    def commit(self, offsets: Mapping[int, int]) -> bool: ...


class Partitions:
    """One fold per partition: started, folded, written, saved, given back."""

    def __init__(self, settings: Settings, writer: Writer) -> None:
        self._settings = settings
        self._writer = writer
        self._owned: dict[int, Partition] = {}
        self._save_at_s = 0.0

    @property
    def owned(self) -> list[int]:
        """The partitions that were started and not given back."""
        return list(self._owned)

    def late(self) -> int:
        """Return how many trades came late, by the folds that are owned; any thread may ask."""
        return sum(partition.fold.late() for partition in list(self._owned.values()))

    def repeated(self) -> int:
        """Return how many events had come before, likewise."""
        return sum(partition.fold.repeated() for partition in list(self._owned.values()))

    def start(self, extents: Mapping[int, Extent]) -> dict[int, int]:
        """
        Own these partitions, from their checkpoints on; return the offsets to go on from.

        Raises:
            Unavailable: The broker is away.
        """
        found = checkpoints.load(self._settings)
        for number, extent in extents.items():
            self._owned[number] = resumed(number, found.get(number), extent)
        offsets = {number: self._owned[number].next_offset for number in extents}
        logger.info("partitions.started", offsets={str(p): o for p, o in offsets.items()})
        return offsets

    def fold(self, partition: int, event: Event) -> list[Point]:
        """Return the points *event* makes; `written` must follow once they are stored."""
        owned = self._owned[partition]
        owned.is_written = False
        return owned.fold.update(event)

    def written(self, positions: Mapping[int, int]) -> None:
        """Note that all that was folded is stored, and where reading goes on."""
        for number, position in positions.items():
            self._owned[number].next_offset = position
            self._owned[number].is_written = True

    def save_if_due(self, group: Group) -> None:
        """As `save`, at most once in SAVE_EVERY_S."""
        if time.monotonic() >= self._save_at_s:
            self.save(group)
            self._save_at_s = time.monotonic() + SAVE_EVERY_S

    def save(self, group: Group) -> None:
        """
        Checkpoint what moved since the last time; not if the group took us off.

        Raises:
            Unavailable: The broker is away.
        """
        unsaved = {n: p.next_offset for n, p in self._owned.items() if p.is_unsaved}
        # The commit comes first: the group's coordinator refuses it from one who is out.
        if unsaved and group.commit(unsaved):
            self._write(unsaved, SAVE_TIMEOUT_S)
        elif unsaved:
            logger.info("checkpoint.left", why="the group has moved on", partitions=list(unsaved))

    def give_back(self, partitions: Iterable[int]) -> None:
        """Checkpoint these partitions and forget them; if Kafka is slow, only forget them."""
        numbers = [n for n in partitions if n in self._owned]
        try:
            self._write([n for n in numbers if self._owned[n].is_unsaved], GIVE_BACK_TIMEOUT_S)
        except Unavailable as e:
            logger.warning("checkpoint.late", error=str(e), partitions=numbers)
        self.drop(numbers)

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget these partitions unsaved."""
        for number in partitions:
            self._owned.pop(number, None)

    def _write(self, numbers: Iterable[int], timeout_s: float) -> None:
        owned = {number: self._owned[number] for number in numbers}
        if not owned:
            return
        records = [
            checkpoints.saved(self._settings, number, Checkpoint(p.next_offset, p.fold.state()))
            for number, p in owned.items()
        ]
        self._writer.write(records, timeout_s)
        for partition in owned.values():
            partition.saved_offset = partition.next_offset
