"""The consumer's loop: polls and folds; what it made is written and checkpointed behind it."""

from collections.abc import Mapping, Sequence

from include import wire
from include.broker.group_member import GroupMember
from include.broker.records import Record
from include.errors import BadRecord
from include.streaming.dead_letters import DeadLetter
from include.streaming.health.consumer import ConsumerHealth, Moment, moment
from include.streaming.partitions import Partitions
from include.streaming.point_writer import Made, made
from include.streaming.write_behind import Batch, WriteBehind

MAX_RECORDS = 5_000
POLL_TIMEOUT_S = 0.5
BUSY_TIMEOUT_S = 0.05  # of a poll while there is something else to find out
ROOM_TIMEOUT_S = 1.0  # how long InfluxDB may take before partitions are paused


class Consumer:
    """
    One round after the other: poll, decode, fold; behind it writes and checkpoints.

    Attributes:
        counts: Records read, points written, records parked since the start.
    """

    def __init__(
        self,
        member: GroupMember,
        partitions: Partitions,
        behind: WriteBehind,
        health: ConsumerHealth,
    ) -> None:
        self._member = member
        self._partitions = partitions
        self._behind = behind
        self._health = health
        self._reached: Mapping[int, int] = {}
        self._is_held = False
        self.counts = {"records": 0, "points": 0, "parked": 0}

    def round(self) -> int:
        """
        Read and fold one batch, if there is room for it; return the records stored meanwhile.

        Raises:
            Unavailable: Kafka or InfluxDB is away. The folds may be ahead of InfluxDB: start over
                with a new consumer, from the checkpoints.
            Misconfigured: InfluxDB refuses us.
        """
        before = self.counts["records"]
        self._hold(is_full=not self._behind.has_room(ROOM_TIMEOUT_S))
        self._follow_up()
        records = self._member.poll(MAX_RECORDS, self._poll_timeout_s())
        if not self._is_held:
            self._start_assigned()
            self._put(records)
        self._follow_up()
        self._report()
        return self.counts["records"] - before

    def finish(self) -> None:
        """
        Have all that is folded stored and checkpointed.

        Raises:
            Unavailable: As `round`.
            Misconfigured: As `round`.
        """
        self._behind.flush()
        self._follow_up()
        self._partitions.save(self._member, self._partitions.snapshots(self._partitions.owned))

    def _hold(self, *, is_full: bool) -> None:
        """Pause what we own while the queue is full: without polls the group would lose us."""
        if is_full:
            self._member.hold()
        elif self._is_held:
            self._member.release()
        self._is_held = is_full

    def _poll_timeout_s(self) -> float:
        is_in = bool(self._partitions.owned)
        return POLL_TIMEOUT_S if is_in and self._behind.is_idle else BUSY_TIMEOUT_S

    def _start_assigned(self) -> None:
        if assigned := self._member.newly_assigned():
            self._health.rebalanced()
            self._member.start(self._partitions.start(self._member.extents(assigned)))

    def _put(self, records: Sequence[Record]) -> None:
        read, points, letters = self._folded(records)
        positions = self._member.positions(self._partitions.owned)
        self._partitions.moved(positions)
        snapshots = self._partitions.snapshots_if_due()
        if records or snapshots:
            self._health.read(read)
            self._behind.put(Batch(len(records), points, letters, positions, snapshots))
        elif self._behind.is_idle:
            self._reached = positions

    def _follow_up(self) -> None:
        """Do what had to wait until batches were stored."""
        for batch, refused, at_s, took_s in self._behind.stored():
            kinds = [kind for _, kind, _ in batch.made]
            self._health.stored(kinds, len(batch.letters), refused, at_s, took_s)
            self._health.moves()
            self._reached = batch.positions
            self.counts["records"] += batch.records
            self.counts["points"] += len(kinds)
            self.counts["parked"] += len(batch.letters) + refused
            self._partitions.save(self._member, batch.snapshots)

    def _report(self) -> None:
        owned = set(self._partitions.owned)
        paused = self._member.newly_assigned() | (owned if self._is_held else set())
        self._health.round_done({n: o for n, o in self._reached.items() if n in owned}, paused)
        if self._behind.is_idle:
            self._health.moves()

    def _folded(
        self, records: Sequence[Record]
    ) -> tuple[list[Moment], list[Made], list[DeadLetter]]:
        """
        Keep no event longer than it takes: a batch of them is far beyond a processor's cache.

        `bench.consumer` took a third more time with a list of them.
        """
        read: list[Moment] = []
        points: list[Made] = []
        letters = []
        for record in records:
            try:
                event = wire.decode(record.value)
            except BadRecord as e:
                letters.append(DeadLetter(record, str(e)))
                continue
            read.append(moment(event))
            points += [made(record, p) for p in self._partitions.fold(record.partition, event)]
        return read, points, letters
