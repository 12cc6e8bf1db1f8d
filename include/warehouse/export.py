"""
Rows of PostgreSQL as CSV: `python -m include.warehouse.export --from 2026-11-01 --symbol BTC/USDT`.

Read as the role that only reads, through a cursor of the server: memory does not grow with the
rows. Times are UTC, numbers have all their digits, what does not exist is empty.
"""

import csv
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from include.command import exit_code
from include.errors import Exit, Misconfigured
from include.settings import SYMBOL_NAME, Settings
from include.warehouse.connection import connect, postgres_errors, target
from include.warehouse.statements import statement

WHAT = ("candles", "indicators", "trades", "crypto_prices")
ROWS_AT_ONCE = 10_000
REPORT_EVERY_S = 1.0


def export(
    settings: Settings, what: str, symbol: str, since: datetime, until: datetime, out: TextIO
) -> int:
    """
    Write the rows of *symbol* in [since, until) to *out*, a header first; return how many.

    Raises:
        Misconfigured: There is no such symbol, or the passfile or tables are not ours.
        Unavailable: PostgreSQL is away.
    """
    reader = settings.as_reader()
    writer, rows, told_s = csv.writer(out, lineterminator="\n"), 0, time.monotonic()
    bound = {"symbol": symbol, "since": since, "until": until}
    with (
        postgres_errors(target(reader), "exporting"),
        connect(reader, application="export") as connection,
        connection.transaction(),
        connection.cursor(name="export") as cursor,
    ):
        connection.execute("SET LOCAL timezone = 'UTC'")
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement(f"export/{what}"), bound)
        writer.writerow(column.name for column in cursor.description or ())
        for row in cursor:
            writer.writerow(_text(value) for value in row)
            rows += 1
            if time.monotonic() > told_s + REPORT_EVERY_S:
                told_s = time.monotonic()
                print(f"{rows} rows", file=sys.stderr)
    return rows


def _text(value: object) -> object:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def arguments(argv: list[str] | None = None) -> Namespace:
    parser = ArgumentParser(prog="make export", description="Rows of PostgreSQL as CSV.")
    parser.add_argument("--from", dest="since", required=True, help="first time, ISO 8601, UTC")
    parser.add_argument("--to", dest="until", default="", help="end, not included; default: now")
    parser.add_argument("--symbol", required=True, help="such as BTC/USDT")
    parser.add_argument("--what", choices=WHAT, default=WHAT[0], help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="a file; default: standard output")
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
    with _opened(options.out) as out:
        rows = export(settings, options.what, options.symbol, since, until, out)
    print(f"{rows} rows of {options.what}", file=sys.stderr)


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as e:
        raise Misconfigured(f"--out: cannot write {path}: {e.strerror}") from None


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
        code = exit_code("export", lambda: run(options, Settings.load()))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough; Python must not write the rest at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    return code


if __name__ == "__main__":
    sys.exit(main())
