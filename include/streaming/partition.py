"""A partition's fold, and how far the checkpoint has followed it."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import structlog

from include.broker.group_member import Extent
from include.broker.records import Outgoing
from include.kpis.engine import KpiEngine
from include.streaming.checkpoints import Checkpoint

DOING = "starting over at the beginning, remembering nothing"

logger = structlog.get_logger()


@dataclass(slots=True)
class Partition:
    """
    A fold and where it stands.

    Attributes:
        next_offset: Where reading goes on.
        topic_id: Of the topic it is a partition of; None if that has no id.
        saved_offset: That of the last checkpoint this process wrote; None before the first.
        is_whole: Whether the fold has seen all before next_offset and no more.
    """

    fold: KpiEngine
    next_offset: int
    topic_id: UUID | None = None
    saved_offset: int | None = None
    is_whole: bool = True

    @property
    def is_unsaved(self) -> bool:
        return self.is_whole and self.next_offset != self.saved_offset


class Snapshot(NamedTuple):
    """A checkpoint of a partition, to be written once InfluxDB has all that is before it."""

    number: int
    partition: Partition
    next_offset: int
    record: Outgoing


def resumed(number: int, checkpoint: Checkpoint | None, extent: Extent) -> Partition:
    """Return the partition as its checkpoint says, or from its beginning if that cannot be."""
    afresh = Partition(KpiEngine(), extent.beginning, extent.topic_id)
    if checkpoint is None:
        return afresh
    where = {"partition": number, "next_offset": checkpoint.next_offset, **extent._asdict()}
    if checkpoint.topic_id and extent.topic_id and checkpoint.topic_id != extent.topic_id:
        why = f"the topic was made again: the checkpoint is of {checkpoint.topic_id}"
        logger.error("checkpoint.outside_topic", doing=DOING, why=why, **where)
        return afresh
    if not extent.beginning <= checkpoint.next_offset <= extent.end:
        is_behind = checkpoint.next_offset < extent.beginning
        lost = f"records [{checkpoint.next_offset}, {extent.beginning}) are gone"
        why = lost if is_behind else "the topic ends before: it is another one, or was cut"
        logger.error("checkpoint.outside_topic", doing=DOING, why=why, **where)
        return afresh
    try:
        fold = KpiEngine.resume(checkpoint.fold)
    except (LookupError, TypeError, ValueError, AttributeError) as e:  # of another version
        why = f"{type(e).__name__}: {e}"
        logger.error("checkpoint.unreadable", doing=DOING, why=why, **where)
        return afresh
    return Partition(fold, checkpoint.next_offset, extent.topic_id)
