"""Compare the stream's values of closed minutes with those of the batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from include.kpis.records import CandlePoint, Values

TOLERANCE = 1e-9
MACD = ("macd", "macd_signal", "macd_hist")
CANDLE = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "vwap")
# Fields of the stream's point, by the name of the KPI in `indicators`.
KPIS = {"vwap": "session_vwap", **dict(zip(MACD, MACD, strict=True))}
NO_VALUES: Values = {}


@dataclass(frozen=True, slots=True)
class BatchMinute:
    """A closed minute as the batch has it."""

    point: CandlePoint
    """The point that InfluxDB should have."""
    computed_at: datetime
    """When its indicators were computed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One KPI over some minutes."""

    compared: int
    """Minutes for which both have a value."""
    missing: int
    """Minutes for which only the batch has a value."""
    max_relative_difference: float | None
    """None if nothing was compared."""


def relative_difference(point: CandlePoint, stream: Values, field: str) -> float | None:
    """
    Return the difference between the stream's value and the batch's; None if one has no value.

    Prices and volumes are relative to the greater value. MACD's lines pass through 0, so they are
    relative to the close.

    Args:
        point: As the batch has it.
        stream: Fields of the stream's point.
        field: Its name.
    """
    expected, found = point.values[field], stream.get(field)
    if expected is None or found is None:
        return None
    base = point.values["close"] if field in MACD else max(abs(expected), abs(found))
    return abs(expected - found) / base if base else 0.0


def is_missing(point: CandlePoint, stream: Values, field: str) -> bool:
    """Return whether the stream lacks a value that the point has."""
    return point.values[field] is not None and stream.get(field) is None


def compare(minutes: Sequence[BatchMinute], stream: Mapping[int, Values], field: str) -> Comparison:
    """
    Compare a field of all minutes.

    Args:
        minutes: As the batch has them.
        stream: Fields of the stream's points, by start in ms.
        field: Its name.
    """
    pairs = [(m.point, stream.get(m.point.ts_ms, NO_VALUES)) for m in minutes]
    differences = [
        difference
        for point, values in pairs
        if (difference := relative_difference(point, values, field)) is not None
    ]
    missing = sum(is_missing(point, values, field) for point, values in pairs)
    return Comparison(len(differences), missing, max(differences, default=None))


def find_fault(point: CandlePoint, stream: Values | None) -> str | None:
    """Return what is wrong in the stream: "missing", "candle", "indicators", or None."""
    if stream is None:
        return "missing"
    for reason, fields in (("candle", CANDLE), ("indicators", KPIS.values())):
        if any(_is_wrong(point, stream, field) for field in fields):
            return reason
    return None


def max_difference(point: CandlePoint, stream: Values) -> float | None:
    """Return the greatest relative difference of all fields; None if nothing can be compared."""
    return greatest(
        relative_difference(point, stream, field) for field in (*CANDLE, *KPIS.values())
    )


def greatest(values: Iterable[float | None]) -> float | None:
    """Return the greatest value that is not None."""
    return max((value for value in values if value is not None), default=None)


def _is_wrong(point: CandlePoint, stream: Values, field: str) -> bool:
    difference = relative_difference(point, stream, field)
    return is_missing(point, stream, field) if difference is None else difference > TOLERANCE
