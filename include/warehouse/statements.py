"""The SQL of `sql/`: one statement a file, values bound, names composed, read once per process."""

from functools import cache
from pathlib import Path

from psycopg import sql

SQL = Path(__file__).parents[2] / "sql"


@cache
def statement(name: str) -> bytes:
    """Return the statement of a file below `sql/`, named without its suffix: `load/copy`."""
    return (SQL / f"{name}.sql").read_bytes()


def composed(name: str, **parts: sql.Composable) -> sql.Composed:
    """Return the statement of a file whose `{braces}` are identifiers, put in quoted."""
    return sql.SQL(statement(name).decode()).format(**parts)
