"""The SQL of `sql/`: one statement a file, values bound, read once per process."""

from functools import cache
from pathlib import Path

SQL = Path(__file__).parents[2] / "sql"


@cache
def statement(name: str) -> bytes:
    """Return the statement of a file below `sql/`, named without its suffix: `load/trades/copy`."""
    return (SQL / f"{name}.sql").read_bytes()
