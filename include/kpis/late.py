"""
The points of a record that comes too late for the fold, which has gone on without it.

What the record says by itself is told; what takes memory — the session, MACD — is left out: the
memory of that moment is gone, and no value is invented.
"""

from include.kpis.fold import Fold
from include.kpis.points import CandlePoint, LastTradePoint, Point, PricePoint, SecondPoint
from include.kpis.records import Event
from include.kpis.registry import MINUTES, REGISTRY, SESSION

REMEMBERED = {kpi.name for kpi in REGISTRY if kpi.window in (SESSION, MINUTES)}
REMEMBERED_OF_CANDLE = {"session_vwap", "macd", "macd_signal", "macd_hist"}


def points(event: Event) -> list[Point]:
    """
    Return the points of *event* alone: of a snapshot or a candle one, else none.

    Trades make none: a second's bar of some of its trades would take the place of the whole one.
    """
    return [own for point in Fold().update(event) if (own := _own(point)) is not None]


def _own(point: Point) -> Point | None:
    match point:
        case PricePoint():
            return point._replace(values=point.values | dict.fromkeys(REMEMBERED))
        case CandlePoint():
            return point._replace(values=point.values | dict.fromkeys(REMEMBERED_OF_CANDLE))
        case SecondPoint() | LastTradePoint():
            return None
