"""InfluxDB's line protocol, for points whose fields are all floats."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from include.kpis.records import CandlePoint, LastTradePoint, Point, PricePoint, SecondPoint, Values

# Each kind's measurement, and its tags beside exchange and symbol.
MEASUREMENTS: dict[type[Point], tuple[str, str]] = {
    PricePoint: ("crypto_prices", ""),
    SecondPoint: ("crypto_trades", ""),
    CandlePoint: ("crypto_candles", ",interval=1m"),
    LastTradePoint: ("crypto_last_trade", ""),
}

_encoder = msgspec.json.Encoder()


def encode(points: Iterable[Point]) -> bytes:
    """Return the points' lines; a field without a value is left out, a point without any too."""
    return "\n".join(text for point in points if (text := line_of(point))).encode()


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, float], ts_ms: int) -> str:
    """Return a line of any *measurement*; the fields are finite, the tags' values not empty."""
    series = ",".join([measurement, *(f"{k}={_escaped(v)}" for k, v in sorted(tags.items()))])
    values = ",".join(f"{name}={float(value)!r}" for name, value in fields.items())
    return f"{series} {values} {ts_ms}"


def line_of(point: Point) -> str:
    """Return the point's line; empty if no field has a value."""
    fields = _fields(point.values)
    if not fields:
        return ""
    # the seed's points carried milliseconds as well: one point a snapshot, whoever writes it again
    measurement, tags = MEASUREMENTS[type(point)]
    return f"{_series(measurement, point.exchange, point.symbol, tags)} {fields} {point.ts_ms}"


def _fields(values: Values) -> str:
    """
    Return the fields, each number in the fewest digits that keep every bit.

    JSON's encoder writes numbers several times as fast as repr, and JSON of an object of numbers
    is but its quotes and colons away from line protocol: the names are identifiers.
    """
    # float(): an integer would make the field's type another one, for ever
    numbers = {name: float(value) for name, value in values.items() if value is not None}
    text = _encoder.encode(numbers)
    if b"null" in text:  # how it writes what is not finite
        text = _encoder.encode({k: v for k, v in numbers.items() if math.isfinite(v)})
    return text[1:-1].decode().replace('"', "").replace(":", "=")


@lru_cache(maxsize=4096)
def _series(measurement: str, exchange: str, symbol: str, tags: str) -> str:
    return f"{measurement},exchange={_escaped(exchange)},symbol={_escaped(symbol)}{tags}"


def _escaped(tag: str) -> str:
    for character in ("\\", ",", "=", " "):
        tag = tag.replace(character, f"\\{character}")
    return tag.replace("\n", "\\n")
