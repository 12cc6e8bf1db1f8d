"""
The folds of the partitions this consumer owns, and their checkpoints.

The law: write to InfluxDB, then checkpoint the state together with the offset it has seen. A
checkpoint may be late, never early: what lies between it and a crash is folded again, to the
same points. The folds run ahead of InfluxDB; so a snapshot of them is taken, follows its points
through the queue, and is written as the checkpoint when they are stored.

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
from include.kpis.records import Event, Point
from include.settings import Settings
from include.streaming import checkpoints
from include.streaming.checkpoints import Checkpoint
from include.streaming.partition import Partition, Snapshot, resumed

SAVE_EVERY_S = 1.0
SAVE_TIMEOUT_S = 30.0
# Heartbeats wait for both: together well below the session's 6 s.
FLUSH_TIMEOUT_S = 2.0
GIVE_BACK_TIMEOUT_S = 2.0

logger = structlog.get_logger()


class Writer(Protocol):
    """Writes records to Kafka; see `include.broker.writer.AcknowledgedWriter`."""

    def write(self, records: Sequence[Outgoing], timeout_s: float = ...) -> None: ...


class Group(Protocol):
    """Knows whether we are still in the group; see `GroupMember.commit`."""

    def commit(self, offsets: Mapping[int, int]) -> bool: ...


class Behind(Protocol):
    """What was folded on its way into InfluxDB; see `include.streaming.write_behind`."""

    def flush(self, timeout_s: float | None = ...) -> bool: ...
    def give_up(self) -> None: ...  # else a point of ours might follow the next owner's


class Partitions:
    """One fold per partition: started, folded, saved, given back."""

    def __init__(self, settings: Settings, writer: Writer, behind: Behind) -> None:
        self._settings = settings
        self._writer = writer
        self._behind = behind
        self._owned: dict[int, Partition] = {}
        self._snapshot_at_s = 0.0

    @property
    def owned(self) -> list[int]:
        """The partitions that were started and not given back."""
        return list(self._owned)

    def late(self) -> int:
        """Return how many trades came late, by the folds that are owned; any thread may ask."""
        return sum(partition.fold.count_late_trades() for partition in list(self._owned.values()))

    def repeated(self) -> int:
        """Return how many events had come before, likewise."""
        return sum(
            partition.fold.count_repeated_events() for partition in list(self._owned.values())
        )

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
        """Return the points *event* makes; `moved` must follow the last event read with it."""
        owned = self._owned[partition]
        owned.is_whole = False
        return owned.fold.update(event)

    def moved(self, positions: Mapping[int, int]) -> None:
        """Note that all that was read is folded, and where reading goes on."""
        for number, position in positions.items():
            self._owned[number].next_offset = position
            self._owned[number].is_whole = True

    def snapshots_if_due(self) -> list[Snapshot]:
        """Return `snapshots`, at most once in SAVE_EVERY_S."""
        if time.monotonic() < self._snapshot_at_s:
            return []
        self._snapshot_at_s = time.monotonic() + SAVE_EVERY_S
        return self.snapshots(self._owned)

    def snapshots(self, partitions: Iterable[int]) -> list[Snapshot]:
        """Return the present state of those of our *partitions* that are ahead of their saved."""
        return [
            self._snapshot(number, partition)
            for number in partitions
            if (partition := self._owned.get(number)) is not None and partition.is_unsaved
        ]

    def save(self, group: Group, snapshots: Iterable[Snapshot]) -> None:
        """
        Checkpoint what is in InfluxDB; not if the group took us off.

        Raises:
            Unavailable: The broker is away.
        """
        # One of a partition that was given back since is none of ours, even if it is ours again.
        ours = [s for s in snapshots if self._owned.get(s.number) is s.partition]
        if not ours:
            return
        # The commit comes first: the group's coordinator refuses it from one who is out.
        if group.commit({s.number: s.next_offset for s in ours}):
            self._write(ours, SAVE_TIMEOUT_S)
        else:
            why = "the group has moved on"
            logger.info("checkpoint.left", why=why, partitions=[s.number for s in ours])

    def give_back(self, partitions: Iterable[int]) -> None:
        """Checkpoint these partitions and forget them; if a store is slow, only forget them."""
        numbers = [n for n in partitions if n in self._owned]
        snapshots = self.snapshots(numbers)
        try:
            if snapshots:
                self._flush()
                self._write(snapshots, GIVE_BACK_TIMEOUT_S)
        except Unavailable as e:
            logger.warning("checkpoint.late", error=str(e), partitions=numbers)
        self._forget(numbers)

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget these partitions unsaved."""
        if not self._behind.flush(0.0):
            self._behind.give_up()
        self._forget(partitions)

    def _forget(self, partitions: Iterable[int]) -> None:
        for number in partitions:
            self._owned.pop(number, None)

    def _snapshot(self, number: int, partition: Partition) -> Snapshot:
        checkpoint = Checkpoint(partition.next_offset, partition.fold.state(), partition.topic_id)
        record = checkpoints.saved(self._settings, number, checkpoint)
        return Snapshot(number, partition, partition.next_offset, record)

    def _flush(self) -> None:
        if not self._behind.flush(FLUSH_TIMEOUT_S):
            self._behind.give_up()
            raise Unavailable("InfluxDB has not all that was folded")

    def _write(self, snapshots: Sequence[Snapshot], timeout_s: float) -> None:
        self._writer.write([snapshot.record for snapshot in snapshots], timeout_s)
        for snapshot in snapshots:
            snapshot.partition.saved_offset = snapshot.next_offset
