"""
Export rows as CSV or Parquet; `python -m include.warehouse.export --from 2026-11-01 ...`.

Rows are read with the reader role through a server-side cursor: memory does not grow with them.
"""

import csv
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, TextIO

import pyarrow as pa
from psycopg import Connection, sql
from pyarrow import parquet

from include.errors import Exit, Misconfigured, PipelineError
from include.runtime import run_command, show_progress
from include.settings import SYMBOL_NAME, Settings
from include.warehouse.connection import connect, postgres_errors, target
from include.warehouse.statements import compose, statement

EXPORTS = {  # the statement of each kind of rows; the first kind is the default
    "candles": "warehouse/export.candles",
    "indicators": "warehouse/export.indicators",
    "trades": "warehouse/export.trades",
    "crypto_prices": "warehouse/export.crypto_prices",
}
PARQUET = ".parquet"
ROWS_AT_ONCE = 20_000

# By type of PostgreSQL, for the types that sql/migrations uses.
ARROW_TYPES = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float8": pa.float64(),
    "text": pa.string(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


class Column(NamedTuple):
    """A column and the name of its type in PostgreSQL."""

    name: str
    type: str


class TableFile(Protocol):
    """A file to which rows are appended in batches."""

    def write(self, rows: Sequence[Sequence[object]]) -> None: ...


class CsvFile:
    """CSV: times are UTC, numbers have all digits, null is empty."""

    def __init__(self, out: TextIO, columns: Sequence[Column]) -> None:
        self._writer = csv.writer(out, lineterminator="\n")
        self._writer.writerow(column.name for column in columns)

    def write(self, rows: Sequence[Sequence[object]]) -> None:
        self._writer.writerows([_text(value) for value in row] for row in rows)


class ParquetFile:
    """Parquet with the types of PostgreSQL, times in UTC; each `write` becomes a row group."""

    def __init__(self, writer: parquet.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema

    def write(self, rows: Sequence[Sequence[object]]) -> None:
        columns = [
            pa.array(values, t)
            for values, t in zip(zip(*rows, strict=True), self._schema.types, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))


@contextmanager
def parquet_file(out: BinaryIO, columns: Sequence[Column]) -> Iterator[ParquetFile]:
    """
    Write Parquet to *out*; the file is complete at the end of the context.

    Raises:
        PipelineError: A column has a type that ARROW_TYPES lacks.
    """
    unknown = [f"{c.name} ({c.type})" for c in columns if c.type not in ARROW_TYPES]
    if unknown:
        raise PipelineError(f"no Parquet type for {', '.join(unknown)}: add it to ARROW_TYPES")
    schema = pa.schema([pa.field(c.name, ARROW_TYPES[c.type]) for c in columns])
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        yield ParquetFile(writer, schema)


type Opener = Callable[[Sequence[Column]], AbstractContextManager[TableFile]]


def export(
    settings: Settings, what: str, symbol: str, since: datetime, until: datetime, open_: Opener
) -> int:
    """
    Write the rows of a symbol to a file; return how many.

    Args:
        settings: Address, and the reader role.
        what: A key of EXPORTS.
        symbol: Such as BTC/USDT, of all exchanges.
        since: First time.
        until: End, not included.
        open_: Opens the file for the columns of the rows.

    Raises:
        Misconfigured: The passfile or the tables are not those of this version.
        Unavailable: PostgreSQL is unreachable.
    """
    reader = settings.as_reader()
    bound = {"symbol": symbol, "since": since, "until": until}
    with (
        postgres_errors(target(reader), "exporting"),
        connect(reader, application="export") as connection,
        connection.transaction(),
    ):
        connection.execute("SET LOCAL timezone = 'UTC'")
        with connection.cursor(name="export") as cursor, show_progress(what) as advance:
            cursor.itersize = ROWS_AT_ONCE
            advance(total=_count(connection, what, bound))
            cursor.execute(statement(EXPORTS[what]), bound)
            types = connection.adapters.types
            named = [Column(c.name, types[c.type_code].name) for c in cursor.description or ()]
            with open_(named) as file:
                rows = 0
                while batch := cursor.fetchmany(ROWS_AT_ONCE):
                    file.write(batch)
                    rows += len(batch)
                    advance(completed=rows)
    return rows


def _count(connection: Connection, what: str, bound: Mapping[str, object]) -> int:
    rows = sql.SQL(statement(EXPORTS[what]).decode())
    found = connection.execute(compose("warehouse/export.count", rows=rows), bound).fetchone()
    return int(found[0]) if found else 0


def arguments(argv: list[str] | None = None) -> Namespace:
    parser = ArgumentParser(prog="make export", description="Rows of PostgreSQL as a file.")
    parser.add_argument("--from", dest="since", required=True, help="first time, ISO 8601, UTC")
    parser.add_argument("--to", dest="until", default="", help="end, not included; default: now")
    parser.add_argument("--symbol", required=True, help="such as BTC/USDT")
    parser.add_argument(
        "--what", choices=[*EXPORTS], default="candles", help="default: %(default)s"
    )
    help_ = f"a file, Parquet if it ends with {PARQUET}, else CSV; default: standard output"
    parser.add_argument("--out", type=Path, help=help_)
    return parser.parse_args(argv)


def run(options: Namespace, settings: Settings) -> None:
    """
    Export the rows that the command line requests.

    Raises:
        Misconfigured: A time, the symbol or the file is not valid.
        Unavailable: PostgreSQL is unreachable.
    """
    since = _time("--from", options.since)
    until = _time("--to", options.until) if options.until else datetime.now(UTC)
    if since >= until:
        raise Misconfigured(f"expected FROM before TO, found {since} and {until}")
    if not SYMBOL_NAME.fullmatch(options.symbol):
        raise Misconfigured(f"expected a symbol such as BTC/USDT, found {options.symbol[:40]!r}")
    open_ = partial(_open, options.out)
    rows = export(settings, options.what, options.symbol, since, until, open_)
    print(f"{rows} rows of {options.what}", file=sys.stderr)


@contextmanager
def _open(path: Path | None, columns: Sequence[Column]) -> Iterator[TableFile]:
    if path is None:
        yield CsvFile(sys.stdout, columns)
        return
    try:
        file = path.open("wb")
    except OSError as e:
        raise Misconfigured(f"--out: cannot write {path}: {e.strerror}") from None
    with file:
        if path.suffix == PARQUET:
            with parquet_file(file, columns) as parquet:
                yield parquet
        else:
            with TextIOWrapper(file, encoding="utf-8", newline="") as text:
                yield CsvFile(text, columns)


def _time(name: str, text: str) -> datetime:
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(
            f"{name}: expected a time such as 2026-11-01 or 2026-11-01T12:00, found {text[:40]!r}"
        ) from None
    return time_.replace(tzinfo=UTC) if time_.tzinfo is None else time_


def _text(value: object) -> object:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def main() -> int:
    options = arguments()
    try:
        code = run_command("export", lambda: run(options, Settings.load()))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader closed the pipe; Python must not flush the rest at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    return code


if __name__ == "__main__":
    sys.exit(main())
