"""Connections to PostgreSQL, and its errors translated to those of `include.errors`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from include.errors import Misconfigured, Unavailable
from include.security import check_private, check_strong
from include.settings import Settings
from include.warehouse.statements import statement

type Connection = psycopg.Connection[tuple[object, ...]]

CONNECT_TIMEOUT_S = 5
# A server that disappears without closing the connection is detected after 10 + 3 * 5 seconds.
KEEPALIVES = "keepalives_idle=10 keepalives_interval=5 keepalives_count=3"
# libpq gives no SQLSTATE for a rejected connection, only the message of the server.
ACCESS_ERRORS = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "permission denied for database",
)
TLS_ERRORS = (
    "certificate verify failed",
    "server certificate for",
    "root certificate file",
    "does not support SSL",
    "no encryption",
)
SCHEMA_ERRORS = (
    psycopg.ProgrammingError,  # a missing table, column or right
    psycopg.errors.InvalidBinaryRepresentation,  # a column of another type than the COPY writes
    psycopg.errors.BadCopyFileFormat,
)


def connect(settings: Settings, *, application: str) -> Connection:
    """
    Open a connection in autocommit mode.

    Args:
        settings: Address, and the role `postgres_user`.
        application: Name of the connection in `pg_stat_activity`.

    Raises:
        Unavailable: PostgreSQL is unreachable: retry.
        Misconfigured: PostgreSQL rejects the role, the password or TLS; one line has the reason.
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


def limit_session(connection: Connection) -> None:
    """Set the session's time limits for statements, lock waits and idle transactions."""
    connection.execute(statement("warehouse/connection.limit_session"))


def target(settings: Settings) -> str:
    """Return role, address and database for messages: `market_writer@127.0.0.1:5432/market`."""
    return (
        f"{settings.postgres_user}@{settings.postgres_host}:{settings.postgres_port}"
        f"/{settings.postgres_database}"
    )


@contextmanager
def postgres_errors(where: str, action: str) -> Iterator[None]:
    """
    Translate psycopg's errors.

    Args:
        where: Role, address and database, see `target`.
        action: What the block does, for messages: `draining`.

    Raises:
        Unavailable: PostgreSQL is unreachable or full, or another transaction holds a lock: retry.
        Misconfigured: Tables or rights are not those of this version.
    """
    try:
        yield
    except SCHEMA_ERRORS as e:
        if e.sqlstate is None:  # raised by psycopg, not by PostgreSQL: a bug
            raise
        raise Misconfigured(
            f"PostgreSQL as {where}: {action}: {_first_line(e)}; expected the tables and rights of "
            "this version: run `python -m include.warehouse.migrations` as the owner"
        ) from e
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as e:
        text = _first_line(e)
        if any(words in text for words in TLS_ERRORS):
            raise Misconfigured(
                f"PostgreSQL as {where}: {text}: check PIPELINE_POSTGRES_SSLMODE and "
                "PIPELINE_POSTGRES_CA_FILE, or sslmode and sslrootcert of Airflow's connection"
            ) from e
        if any(words in text for words in ACCESS_ERRORS):
            raise Misconfigured(f"PostgreSQL as {where}: {text}") from e
        raise Unavailable(f"PostgreSQL as {where}: {action} failed: {text}") from e


def _check_passfile(settings: Settings) -> None:
    path = settings.postgres_passfile
    is_reader = path == settings.postgres_reader_passfile
    variable = f"PIPELINE_POSTGRES_{'READER_' if is_reader else ''}PASSFILE"
    check_private(variable, path)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            # fields of a passfile end at unescaped colons; the fifth is the rest of the line
            password = re.split(r"(?<!\\):", line, maxsplit=4)[-1]
            check_strong(f"{variable}: line {number} of {path}", password)


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].removeprefix("connection failed: ") if lines else type(error).__name__
