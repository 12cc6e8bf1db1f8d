"""Queries of InfluxDB: named statements of `flux/`, and the values they leave open."""

from collections.abc import Sequence
from pathlib import Path

from include.named_statements import named_statement

FLUX = Path(__file__).parents[2] / "flux"


def flux_text(name: str, *, fields: Sequence[str] = ()) -> str:
    """
    Return a query: `market.candles` is the statement `candles` of `flux/market.flux`.

    The text is complete but for the names it leaves open (bucket, start, stop, exchange, symbol,
    ...). The caller binds these.

    Args:
        name: The file and the statement.
        fields: Replaces @fields by a test for these fields, in a form that InfluxDB's storage
            evaluates. `contains` would read every field and discard most.

    Raises:
        LookupError: There is no such query.
    """
    text = named_statement(FLUX, name, ".flux", "//")
    return text.replace("@fields", " or ".join(f'r._field == "{field}"' for field in fields))
