"""
Points of a dead letter that is replayed after the engine has processed later events.

A snapshot or candle still has the KPIs that need no other event. KPIs of the session and MACD are
None: the engine's state of that moment no longer exists, and no value is invented.
"""

from include.kpis.engine import KpiEngine
from include.kpis.records import (
    CandlePoint,
    Event,
    LastTradePoint,
    Point,
    PricePoint,
    SecondPoint,
)
from include.kpis.registry import MINUTES, REGISTRY, SESSION

STATEFUL_KPIS = {kpi.name for kpi in REGISTRY if kpi.window in (SESSION, MINUTES)}
"""Fields of a `PricePoint` that depend on earlier events."""
STATEFUL_CANDLE_FIELDS = {"session_vwap", "macd", "macd_signal", "macd_hist"}
"""Fields of a `CandlePoint` that depend on earlier events."""


def compute_points(event: Event) -> list[Point]:
    """
    Return the points of *event* alone: one of a snapshot or candle, otherwise none.

    Trades make none: a bar of some of a second's trades would overwrite the complete bar.
    """
    points = KpiEngine().update(event)
    return [own for point in points if (own := _clear_stateful(point)) is not None]


def _clear_stateful(point: Point) -> Point | None:
    match point:
        case PricePoint():
            return point._replace(values=point.values | dict.fromkeys(STATEFUL_KPIS))
        case CandlePoint():
            return point._replace(values=point.values | dict.fromkeys(STATEFUL_CANDLE_FIELDS))
        case SecondPoint() | LastTradePoint():
            return None
