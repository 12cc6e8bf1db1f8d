"""InfluxDB's line protocol, for points whose fields are all floats."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from include.kpis.records import CandlePoint, LastTradePoint, Point, PricePoint, SecondPoint, Values

MEASUREMENTS: dict[type[Point], tuple[str, str]] = {
    PricePoint: ("crypto_prices", ""),
    SecondPoint: ("crypto_trades", ""),
    CandlePoint: ("crypto_candles", ",interval=1m"),
    LastTradePoint: ("crypto_last_trade", ""),
}
"""By class of point: the measurement, and its tags besides exchange and symbol."""

_encoder = msgspec.json.Encoder()


def encode(points: Iterable[Point]) -> bytes:
    """Return *points* as lines, without fields and points that have no value."""
    return "\n".join(text for point in points if (text := encode_point(point))).encode()


def encode_line(
    measurement: str, tags: Mapping[str, str], fields: Mapping[str, float], ts_ms: int
) -> str:
    """
    Return one line of any measurement.

    Args:
        measurement: Name of the measurement.
        tags: Tags; no value may be empty.
        fields: Fields; each value must be finite.
        ts_ms: Time of the point, ms since the epoch.
    """
    series = ",".join([measurement, *(f"{k}={_escape(v)}" for k, v in sorted(tags.items()))])
    values = ",".join(f"{name}={float(value)!r}" for name, value in fields.items())
    return f"{series} {values} {ts_ms}"


def encode_point(point: Point) -> str:
    """Return *point* as a line; empty if no field has a value."""
    fields = _encode_fields(point.values)
    if not fields:
        return ""
    # Milliseconds, as the original project wrote them. A point written again replaces the first.
    measurement, tags = MEASUREMENTS[type(point)]
    return (
        f"{_encode_series(measurement, point.exchange, point.symbol, tags)} {fields} {point.ts_ms}"
    )


def _encode_fields(values: Values) -> str:
    """
    Return the fields, each number in the fewest digits that keep every bit.

    JSON's encoder formats numbers several times as fast as repr. Field names are identifiers, so
    JSON of an object of numbers differs from line protocol only by its quotes and colons.
    """
    # float(): an integer would permanently change the type of the field
    numbers = {name: float(value) for name, value in values.items() if value is not None}
    text = _encoder.encode(numbers)
    if b"null" in text:  # msgspec encodes NaN and infinities as null
        text = _encoder.encode({k: v for k, v in numbers.items() if math.isfinite(v)})
    return text[1:-1].decode().replace('"', "").replace(":", "=")


@lru_cache(maxsize=4096)
def _encode_series(measurement: str, exchange: str, symbol: str, tags: str) -> str:
    return f"{measurement},exchange={_escape(exchange)},symbol={_escape(symbol)}{tags}"


def _escape(tag: str) -> str:
    for character in ("\\", ",", "=", " "):
        tag = tag.replace(character, f"\\{character}")
    return tag.replace("\n", "\\n")
