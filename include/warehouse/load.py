"""Write entries: binary COPY, merged where rows are there already, parked where a table refuses."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import psycopg

from include.errors import Unavailable
from include.warehouse.connection import Connection
from include.warehouse.rows import DAY_MS, POSTGRES_EPOCH_MS, Entry, dead_letter
from include.warehouse.statements import statement
from include.warehouse.tables import (
    CANDLES,
    DEAD_LETTERS,
    TABLES,
    TRADES,
    Table,
    ensure_trade_partitions,
)

TS_COLUMN = 5  # of a trade's row
DUPLICATES = "duplicates"
REVISED = "candles_revised"


def ensure_partitions(connection: Connection, entries: Iterable[Entry]) -> None:
    """Make the partitions of the trades' days; any day of any year may come."""
    day_us = DAY_MS * 1000
    days = {
        row[TS_COLUMN] // day_us  # type: ignore[operator]  # timestamp()'s int
        for entry in entries
        if entry.table is TRADES
        for row in entry.rows
    }
    if days:
        epoch_s = POSTGRES_EPOCH_MS // 1000
        dates = [datetime.fromtimestamp(epoch_s + d * 86_400, UTC).date() for d in sorted(days)]
        ensure_trade_partitions(connection, dates)


def write(connection: Connection, entries: Sequence[Entry]) -> Counter[str]:
    """
    Write the entries inside the caller's transaction; return the rows that are new, by table.

    New rows are copied straight into the tables. Where some are there already they go through
    staging tables, and what is there stays: counted as `duplicates`. A record that a table's CHECK
    refuses is found by halving and becomes a dead letter.

    Raises:
        Unavailable: A partition vanished meanwhile: try again.
    """
    try:
        return _copy(connection, entries)
    except psycopg.errors.UniqueViolation:
        pass
    except (psycopg.IntegrityError, psycopg.DataError) as e:
        return _write_halves(connection, entries, e)
    try:
        return _merge(connection, entries)
    except (psycopg.IntegrityError, psycopg.DataError) as e:
        return _write_halves(connection, entries, e)


def _write_halves(
    connection: Connection, entries: Sequence[Entry], error: psycopg.Error
) -> Counter[str]:
    _check_is_refusal(error)
    if len(entries) > 1:
        middle = len(entries) // 2
        return write(connection, entries[:middle]) + write(connection, entries[middle:])
    (refused,) = entries
    if refused.table is DEAD_LETTERS:
        raise error  # ours to fix: nothing that was read may be refused here
    rule = error.diag.constraint_name or str(error).partition("\n")[0]
    return write(connection, [dead_letter(refused.record, f"table {refused.table.name}: {rule}")])


def _check_is_refusal(error: psycopg.Error) -> None:
    """Let through only errors that say something about a value, not about the tables."""
    wrong_tables = (
        psycopg.errors.InvalidBinaryRepresentation,
        psycopg.errors.BadCopyFileFormat,
        psycopg.errors.NotNullViolation,
        psycopg.errors.ForeignKeyViolation,
    )
    if isinstance(error, wrong_tables):
        raise error
    if isinstance(error, psycopg.errors.CheckViolation) and not error.diag.constraint_name:
        raise Unavailable(f"PostgreSQL: {error.diag.message_primary}") from error


def _copy(connection: Connection, entries: Sequence[Entry]) -> Counter[str]:
    copied: Counter[str] = Counter()
    with connection.transaction():
        for table in TABLES:
            copied[table.name] = _copy_rows(connection, table, entries)
    return copied


def _merge(connection: Connection, entries: Sequence[Entry]) -> Counter[str]:
    merged: Counter[str] = Counter()
    with connection.transaction():
        for table in TABLES:
            if not any(entry.table is table for entry in entries):
                continue
            connection.execute(table.stage())
            connection.execute(table.empty())
            staged = _copy_rows(connection, table, entries, staged=True)
            if table is CANDLES:
                merged[REVISED] = _count_revised(connection)
            new = connection.execute(table.merge()).rowcount
            merged[table.name] = new
            merged[DUPLICATES] += staged - new
    return merged


def _count_revised(connection: Connection) -> int:
    row = connection.execute(statement("warehouse/load.count_revised_candles")).fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


def _copy_rows(
    connection: Connection, table: Table, entries: Sequence[Entry], *, staged: bool = False
) -> int:
    chosen = [entry.rows for entry in entries if entry.table is table]
    if not chosen:
        return 0
    with connection.cursor() as cursor, cursor.copy(table.copy(staged=staged)) as copy:
        copy.set_types(list(table.columns.values()))
        write_row = copy.write_row
        for rows in chosen:
            for row in rows:
                write_row(row)
    return sum(map(len, chosen))
