"""Write entries: binary COPY, merged if rows are stored already, dead letters for rejected rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain

import psycopg

from include.errors import Unavailable
from include.warehouse.connection import Connection
from include.warehouse.rows import DAY_MS, POSTGRES_EPOCH_MS, Entry, build_dead_letter
from include.warehouse.statements import statement
from include.warehouse.tables import (
    CANDLES,
    DEAD_LETTERS,
    TABLES,
    TRADES,
    Row,
    Table,
    copy_rows,
    ensure_trade_partitions,
    stage_rows,
)

TS_COLUMN = 5  # index of `ts` in a trade's row
DUPLICATES = "duplicates"
REVISED = "candles_revised"


def ensure_partitions(connection: Connection, entries: Iterable[Entry]) -> None:
    """Create the missing partitions of the trades' days."""
    day_us = DAY_MS * 1000
    days = {
        row[TS_COLUMN] // day_us  # type: ignore[operator]  # to_timestamptz()'s int
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
    Write the entries inside the caller's transaction; return the number of new rows by table.

    New rows are copied straight into the tables. If one of them is stored already, all go through
    staging tables, and stored rows stay: they count as `duplicates`. If a table's CHECK rejects a
    row, its record is found by bisection and becomes a dead letter.

    Raises:
        Unavailable: A partition was dropped in the meantime: try again.
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
    _require_rejected_value(error)
    if len(entries) > 1:
        middle = len(entries) // 2
        return write(connection, entries[:middle]) + write(connection, entries[middle:])
    (rejected,) = entries
    if rejected.table is DEAD_LETTERS:
        raise error  # a bug: this table has to accept every record
    rule = error.diag.constraint_name or str(error).partition("\n")[0]
    reason = f"table {rejected.table.name}: {rule}"
    return write(connection, [build_dead_letter(rejected.record, reason)])


def _require_rejected_value(error: psycopg.Error) -> None:
    """Raise errors whose cause is the tables, and not a value."""
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
            if _has_rows(table, entries):
                copied[table.name] = copy_rows(connection, table, _rows_of(table, entries))
            else:
                copied[table.name] = 0
    return copied


def _merge(connection: Connection, entries: Sequence[Entry]) -> Counter[str]:
    merged: Counter[str] = Counter()
    with connection.transaction():
        for table in TABLES:
            if not _has_rows(table, entries):
                continue
            staged = stage_rows(connection, table, _rows_of(table, entries))
            if table is CANDLES:
                merged[REVISED] = _count_revised(connection)
            new = connection.execute(table.merge()).rowcount
            merged[table.name] = new
            merged[DUPLICATES] += staged - new
    return merged


def _has_rows(table: Table, entries: Sequence[Entry]) -> bool:
    return any(entry.table is table for entry in entries)


def _rows_of(table: Table, entries: Sequence[Entry]) -> Iterator[Row]:
    return chain.from_iterable(entry.rows for entry in entries if entry.table is table)


def _count_revised(connection: Connection) -> int:
    row = connection.execute(statement("warehouse/load.count_revised_candles")).fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]
