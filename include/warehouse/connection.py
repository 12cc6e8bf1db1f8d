"""Connections to PostgreSQL, and its errors named by duty."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from include.errors import Misconfigured, Unavailable
from include.security import check_private, check_strong
from include.settings import Settings

type Connection = psycopg.Connection[tuple[object, ...]]

CONNECT_TIMEOUT_S = 5
# A server that vanished without a word is noticed after 10 + 3 * 5 seconds.
KEEPALIVES = "keepalives_idle=10 keepalives_interval=5 keepalives_count=3"
# libpq gives no SQLSTATE for a refused connection, only the server's words.
REFUSED_FOR_GOOD = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "permission denied for database",
)
TLS_FOR_GOOD = (
    "certificate verify failed",
    "server certificate for",
    "root certificate file",
    "does not support SSL",
    "no encryption",
)
OUR_TABLES_DIFFER = (
    psycopg.ProgrammingError,  # a missing table, column or right
    psycopg.errors.InvalidBinaryRepresentation,  # a column of another type than we copy
    psycopg.errors.BadCopyFileFormat,
)


def connect(settings: Settings, *, application: str) -> Connection:
    """
    Return a connection as `settings.postgres_user`, in autocommit mode.

    `pg_stat_activity` calls it *application*.

    Raises:
        Unavailable: PostgreSQL is away: retry.
        Misconfigured: It refuses us for good; one line says why.
    """
    _check_passfile(settings)
    with postgres_errors(target(settings), "connecting"):
        return psycopg.connect(
            KEEPALIVES,
            host=settings.postgres_host,
            port=settings.postgres_port,
            dbname=settings.postgres_database,
            user=settings.postgres_user,
            passfile=str(settings.postgres_passfile),
            sslmode=settings.postgres_sslmode,
            sslrootcert=settings.postgres_ca_file or None,
            application_name=application,
            connect_timeout=CONNECT_TIMEOUT_S,
            autocommit=True,
        )


def target(settings: Settings) -> str:
    """Return who connects to what, for messages: `market_writer@127.0.0.1:5432/market`."""
    return (
        f"{settings.postgres_user}@{settings.postgres_host}:{settings.postgres_port}"
        f"/{settings.postgres_database}"
    )


@contextmanager
def postgres_errors(where: str, doing: str) -> Iterator[None]:
    """
    Turn psycopg's errors into ours.

    Raises:
        Unavailable: PostgreSQL is away, full, or another transaction is in the way: retry.
        Misconfigured: The tables or our rights are not what this version expects.
    """
    try:
        yield
    except OUR_TABLES_DIFFER as e:
        if e.sqlstate is None:  # said by psycopg, not by PostgreSQL: a bug of ours
            raise
        raise Misconfigured(
            f"PostgreSQL as {where}: {doing}: {_line(e)}; expected the tables and rights of this "
            "version: run `python -m include.warehouse.migrations` as the owner"
        ) from e
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as e:
        text = _line(e)
        if any(words in text for words in TLS_FOR_GOOD):
            raise Misconfigured(
                f"PostgreSQL as {where}: {text}: check PIPELINE_POSTGRES_SSLMODE and "
                "PIPELINE_POSTGRES_CA_FILE, or sslmode and sslrootcert of Airflow's connection"
            ) from e
        if any(words in text for words in REFUSED_FOR_GOOD):
            raise Misconfigured(f"PostgreSQL as {where}: {text}") from e
        raise Unavailable(f"PostgreSQL as {where}: {doing} failed: {text}") from e


def _check_passfile(settings: Settings) -> None:
    path = settings.postgres_passfile
    is_reader = path == settings.postgres_reader_passfile
    variable = f"PIPELINE_POSTGRES_{'READER_' if is_reader else ''}PASSFILE"
    check_private(variable, path)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            # libpq's fields end at colons that no backslash precedes; the fifth is the rest
            password = re.split(r"(?<!\\):", line, maxsplit=4)[-1]
            check_strong(f"{variable}: line {number} of {path}", password)


def _line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].removeprefix("connection failed: ") if lines else type(error).__name__
