"""What the producer hands from hop to hop."""

from typing import NamedTuple

from include.kpis.records import Event, MarketKey
from include.streaming.progress import Progress


class Batch(NamedTuple):
    """
    Events of one market that appear together with the progress they make.

    Attributes:
        is_last: Whether nothing more is known for now.
    """

    market: MarketKey
    events: tuple[Event, ...]
    progress: Progress
    is_last: bool
