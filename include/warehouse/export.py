"""
Rows of PostgreSQL as CSV or Parquet: `python -m include.warehouse.export --from 2026-11-01 ...`.

Read as the role that only reads, through a cursor of the server: memory does not grow with the
rows.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from pathlib import Path

from psycopg import Connection, sql

from include.errors import Exit, Misconfigured
from include.runtime import run_command, show_progress
from include.settings import SYMBOL_NAME, Settings
from include.warehouse.connection import connect, postgres_errors, target
from include.warehouse.statements import composed, statement
from include.warehouse.table_files import Column, CsvFile, TableFile, parquet_file

WHAT = ("candles", "indicators", "trades", "crypto_prices")
PARQUET = ".parquet"
ROWS_AT_ONCE = 20_000

type Opener = Callable[[Sequence[Column]], AbstractContextManager[TableFile]]


def export(
    settings: Settings, what: str, symbol: str, since: datetime, until: datetime, opened: Opener
) -> int:
    """
    Write the rows of *symbol* in [since, until) to the file *opened* gives; return how many.

    Raises:
        Misconfigured: There is no such symbol, or the passfile or tables are not ours.
        Unavailable: PostgreSQL is away.
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
            cursor.execute(statement(f"export/{what}"), bound)
            types = connection.adapters.types
            named = [Column(c.name, types[c.type_code].name) for c in cursor.description or ()]
            with opened(named) as file:
                rows = 0
                while batch := cursor.fetchmany(ROWS_AT_ONCE):
                    file.write(batch)
                    rows += len(batch)
                    advance(completed=rows)
    return rows


def _count(connection: Connection, what: str, bound: Mapping[str, object]) -> int:
    rows = sql.SQL(statement(f"export/{what}").decode().rstrip().removesuffix(";"))
    found = connection.execute(composed("export/count", rows=rows), bound).fetchone()
    return int(found[0]) if found else 0


def arguments(argv: list[str] | None = None) -> Namespace:
    parser = ArgumentParser(prog="make export", description="Rows of PostgreSQL as a file.")
    parser.add_argument("--from", dest="since", required=True, help="first time, ISO 8601, UTC")
    parser.add_argument("--to", dest="until", default="", help="end, not included; default: now")
    parser.add_argument("--symbol", required=True, help="such as BTC/USDT")
    parser.add_argument("--what", choices=WHAT, default=WHAT[0], help="default: %(default)s")
    told = f"a file, Parquet if it ends with {PARQUET}, else CSV; default: standard output"
    parser.add_argument("--out", type=Path, help=told)
    return parser.parse_args(argv)


def run(options: Namespace, settings: Settings) -> None:
    """
    Export what *options* ask for.

    Raises:
        Misconfigured: A time, the symbol or the file is none.
        Unavailable: PostgreSQL is away.
    """
    since = _time("--from", options.since)
    until = _time("--to", options.until) if options.until else datetime.now(UTC)
    if since >= until:
        raise Misconfigured(f"expected FROM before TO, found {since} and {until}")
    if not SYMBOL_NAME.fullmatch(options.symbol):
        raise Misconfigured(f"expected a symbol such as BTC/USDT, found {options.symbol[:40]!r}")
    opened = partial(_opened, options.out)
    rows = export(settings, options.what, options.symbol, since, until, opened)
    print(f"{rows} rows of {options.what}", file=sys.stderr)


@contextmanager
def _opened(path: Path | None, columns: Sequence[Column]) -> Iterator[TableFile]:
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


def main() -> int:
    options = arguments()
    try:
        code = run_command("export", lambda: run(options, Settings.load()))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough; Python must not write the rest at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    return code


if __name__ == "__main__":
    sys.exit(main())
