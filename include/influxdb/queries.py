"""Queries of InfluxDB: a file of `flux/` each, and the values it leaves open."""

from collections.abc import Sequence
from pathlib import Path

FLUX = Path(__file__).parents[2] / "flux"


def flux_text(name: str, *, fields: Sequence[str] = ()) -> str:
    """
    Return the text of `flux/<name>.flux`.

    It is complete but for the names it leaves open (bucket, start, stop, exchange, symbol, ...),
    which whoever runs it binds. Where it says @fields stands the test for *fields*, in the form
    that InfluxDB's storage takes over (`contains` would read every field and throw most away).
    """
    text = (FLUX / f"{name}.flux").read_text(encoding="utf-8").strip()
    return text.replace("@fields", " or ".join(f'r._field == "{field}"' for field in fields))
