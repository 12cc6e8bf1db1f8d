"""InfluxDB's line protocol, for points whose fields are all floats."""

import math
from collections.abc import Iterable
from functools import lru_cache

from include.kpis.fold import PricePoint

PRICES = "crypto_prices"


def encode(points: Iterable[PricePoint]) -> bytes:
    """Return the points' lines; a field without a value is left out, a point without any too."""
    return "\n".join(line for point in points if (line := _line(point))).encode()


def _line(point: PricePoint) -> str:
    fields = ",".join(
        f"{name}={value!r}"
        for name, value in point.values.items()
        if value is not None and math.isfinite(value)
    )
    if not fields:
        return ""
    # the seed's points carried milliseconds as well: one point a tick, whoever writes it again
    return f"{_series(PRICES, point.exchange, point.symbol)} {fields} {point.ts_ms}"


@lru_cache(maxsize=4096)
def _series(measurement: str, exchange: str, symbol: str) -> str:
    return f"{measurement},exchange={_escaped(exchange)},symbol={_escaped(symbol)}"


def _escaped(tag: str) -> str:
    for character in ("\\", ",", "=", " "):
        tag = tag.replace(character, f"\\{character}")
    return tag.replace("\n", "\\n")
