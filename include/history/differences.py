"""How far what the stream told of a minute is from what the batch says of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from include.kpis.records import CandlePoint, Values

TOLERANCE = 1e-9
MACD = ("macd", "macd_signal", "macd_hist")
CANDLE = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "vwap")
# The KPIs compared, by their names in `indicators`: the fields of the stream's point.
KPIS = {"vwap": "session_vwap", **dict(zip(MACD, MACD, strict=True))}
NOTHING: Values = {}


@dataclass(frozen=True, slots=True)
class Minute:
    """
    A closed minute as the batch has it.

    Attributes:
        point: What InfluxDB should have of it.
        computed_at: When its indicators were.
    """

    point: CandlePoint
    computed_at: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    One KPI over some minutes.

    Attributes:
        compared: Minutes of which both have a value.
        missing: Minutes of which only the batch has one.
        max_relative_difference: None if nothing was compared.
    """

    compared: int
    missing: int
    max_relative_difference: float | None


def difference(point: CandlePoint, stream: Values, field: str) -> float | None:
    """
    Return how far the stream's value is from the point's, relative; None if either has none.

    A price, a volume: to the greater of both. MACD's lines, differences of prices that pass through
    0, to the close.
    """
    batch, told = point.values[field], stream.get(field)
    if batch is None or told is None:
        return None
    to = point.values["close"] if field in MACD else max(abs(batch), abs(told))
    return abs(batch - told) / to if to else 0.0


def is_missing(point: CandlePoint, stream: Values, field: str) -> bool:
    """Return whether the stream lacks a value that the point has."""
    return point.values[field] is not None and stream.get(field) is None


def compared(minutes: Sequence[Minute], stream: Mapping[int, Values], field: str) -> Comparison:
    """Return what comparing *field* of all *minutes* gives."""
    told = [(m.point, stream.get(m.point.ts_ms, NOTHING)) for m in minutes]
    found = [d for point, values in told if (d := difference(point, values, field)) is not None]
    missing = sum(is_missing(point, values, field) for point, values in told)
    return Comparison(len(found), missing, max(found, default=None))


def fault(point: CandlePoint, stream: Values | None) -> str | None:
    """Return what is wrong with the stream's point: "missing", "candle", "indicators"; or None."""
    if stream is None:
        return "missing"
    for reason, fields in (("candle", CANDLE), ("indicators", KPIS.values())):
        if any(_is_wrong(point, stream, field) for field in fields):
            return reason
    return None


def worst(point: CandlePoint, stream: Values) -> float | None:
    """Return the greatest difference of any field."""
    return greatest(difference(point, stream, field) for field in (*CANDLE, *KPIS.values()))


def greatest(values: Iterable[float | None]) -> float | None:
    """Return the greatest value there is."""
    return max((value for value in values if value is not None), default=None)


def _is_wrong(point: CandlePoint, stream: Values, field: str) -> bool:
    found = difference(point, stream, field)
    return is_missing(point, stream, field) if found is None else found > TOLERANCE
