"""
The SQL of `sql/`: values are bound, identifiers composed, files read once per process.

A module's statements are in one file, below headers `-- name: ...`. A statement is named by its
file and its header: `warehouse/offsets.lock` is the statement `lock` of the file
`sql/warehouse/offsets.sql`.
Migrations and checks have a file each and are read by `migrations` and `include.quality.checks`.
"""

from functools import cache
from pathlib import Path

from psycopg import sql

from include.named_statements import named_statement

SQL = Path(__file__).parents[2] / "sql"


@cache
def statement(name: str) -> bytes:
    """
    Return a statement such as `warehouse/offsets.lock`.

    Raises:
        LookupError: There is no such statement.
    """
    return named_statement(SQL, name, ".sql", "--").encode()


def compose(name: str, **parts: sql.Composable) -> sql.Composed:
    """
    Return a statement with *parts* in place of its `{braces}`; identifiers are quoted.

    Raises:
        LookupError: There is no such statement.
    """
    return sql.SQL(statement(name).decode()).format(**parts)
