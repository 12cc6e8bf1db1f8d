"""A partition's fold, and how far InfluxDB and the checkpoint have followed it."""

from dataclasses import dataclass

import structlog

from include.broker.group_member import Extent
from include.kpis.fold import Fold
from include.streaming.checkpoints import Checkpoint

DOING = "starting over at the beginning, remembering nothing"

logger = structlog.get_logger()


@dataclass(slots=True)
class Partition:
    """
    A fold and where it stands.

    Attributes:
        next_offset: Where to go on, once InfluxDB has what was folded before it.
        saved_offset: That of the last checkpoint this process wrote; None before the first.
        is_written: Whether InfluxDB has all the fold made; if not, nobody may save it.
    """

    fold: Fold
    next_offset: int
    saved_offset: int | None = None
    is_written: bool = True

    @property
    def is_unsaved(self) -> bool:
        return self.is_written and self.next_offset != self.saved_offset


def resumed(number: int, checkpoint: Checkpoint | None, extent: Extent) -> Partition:
    """Return the partition as its checkpoint says, or from its beginning if that cannot be."""
    afresh = Partition(Fold(), extent.beginning)
    if checkpoint is None:
        return afresh
    where = {"partition": number, "next_offset": checkpoint.next_offset, **extent._asdict()}
    if not extent.beginning <= checkpoint.next_offset <= extent.end:
        is_behind = checkpoint.next_offset < extent.beginning
        lost = f"records [{checkpoint.next_offset}, {extent.beginning}) are gone"
        why = lost if is_behind else "the topic ends before: it is another one, or was cut"
        logger.error("checkpoint.outside_topic", doing=DOING, why=why, **where)
        return afresh
    try:
        return Partition(Fold.resume(checkpoint.fold), checkpoint.next_offset)
    except (LookupError, TypeError, ValueError, AttributeError) as e:  # of another version
        why = f"{type(e).__name__}: {e}"
        logger.error("checkpoint.unreadable", doing=DOING, why=why, **where)
        return afresh
