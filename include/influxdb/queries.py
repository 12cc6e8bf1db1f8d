"""Load the Flux queries of the folder `flux/`."""

from collections.abc import Sequence
from pathlib import Path

FLUX = Path(__file__).parents[2] / "flux"


def flux_text(name: str, *, fields: Sequence[str] = ()) -> str:
    """
    Return the text of `flux/<name>.flux`.

    The caller binds the names that the query leaves open (bucket, start, stop, exchange, ...).

    Args:
        name: Name of the file, without its ending.
        fields: Fields to select in place of `@fields`. The test is a chain of comparisons, which
            InfluxDB's storage evaluates; `contains` would read every field and discard most.
    """
    text = (FLUX / f"{name}.flux").read_text(encoding="utf-8").strip()
    return text.replace("@fields", " or ".join(f'r._field == "{field}"' for field in fields))
