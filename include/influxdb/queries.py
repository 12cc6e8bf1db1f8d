"""Load the Flux queries of the folder `flux/`: named statements."""

from collections.abc import Sequence
from pathlib import Path

from include.named_statements import named_statement

FLUX = Path(__file__).parents[2] / "flux"


def flux_text(name: str, *, fields: Sequence[str] = ()) -> str:
    """
    Return a query: `market.candles` is the statement `candles` of `flux/market.flux`.

    The caller binds the names that the query leaves open (bucket, start, stop, exchange, ...).

    Args:
        name: File and statement.
        fields: Fields to select in place of `@fields`. The test is a chain of comparisons, which
            InfluxDB's storage evaluates; `contains` would read every field and discard most.

    Raises:
        LookupError: There is no such query.
    """
    text = named_statement(FLUX, name, ".flux", "//")
    return text.replace("@fields", " or ".join(f'r._field == "{field}"' for field in fields))
