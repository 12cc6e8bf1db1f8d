"""PostgreSQL: four roles with least privilege, and two databases that do not know each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from include.errors import PipelineError, Unavailable
from local.credentials import ROLES, read_secret
from local.hosts import HERE, Hosts
from local.layout import Layout
from local.ports import Ports
from local.postgres_config import SUPERUSER

MARKET, AIRFLOW = "market", "airflow"
MARKET_OWNER, MARKET_WRITER, MARKET_READER = "market_owner", "market_writer", "market_reader"
CONNECT_TIMEOUT_S = 5
# Of Airflow's table dag_run: how runs went; nothing that they were told or wrote.
RUN_COLUMNS = ("dag_id", "run_type", "state", "queued_at", "start_date", "end_date")

type Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def superuser(
    layout: Layout, ports: Ports, database: str = "postgres", hosts: Hosts = HERE
) -> Iterator[Connection]:
    """
    Connect as the superuser, each statement its own transaction.

    Raises:
        Unavailable: PostgreSQL does not let us in (yet).
        PipelineError: It refused a statement.
    """
    try:
        connection = psycopg.connect(
            host=hosts.postgres, port=ports.postgres, dbname=database, user=SUPERUSER,
            passfile=str(layout.pgpass(SUPERUSER)), connect_timeout=CONNECT_TIMEOUT_S,
            autocommit=True,
        )  # fmt: skip
    except psycopg.OperationalError as e:
        raise Unavailable(f"PostgreSQL at {hosts.postgres}:{ports.postgres}: {e}") from e
    with connection:
        try:
            yield connection
        except psycopg.Error as e:
            raise PipelineError(f"PostgreSQL refused: {e}") from e


def provision_postgres(layout: Layout, ports: Ports, hosts: Hosts = HERE) -> None:
    """
    Make the roles and databases that are missing.

    Raises:
        Unavailable: PostgreSQL is away.
        PipelineError: It refused; the message says what.
    """
    with superuser(layout, ports, hosts=hosts) as connection:
        roles = _names(connection, "SELECT rolname FROM pg_roles")
        for role in ROLES:
            if role not in roles:
                _create_role(connection, role, read_secret(layout, f"{role}_password"))
        for name in ("postgres", "template1"):
            _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
        databases = _names(connection, "SELECT datname FROM pg_database")
        if AIRFLOW not in databases:
            _run(connection, "CREATE DATABASE {} OWNER {}", AIRFLOW, AIRFLOW)
            _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", AIRFLOW)
        if MARKET not in databases:
            create_market_database(connection, MARKET, template="template1")
    with superuser(layout, ports, MARKET, hosts) as connection:
        _run(connection, "REVOKE ALL ON SCHEMA {} FROM PUBLIC", "public")
        for role in (MARKET_WRITER, MARKET_READER):
            _run(connection, "GRANT USAGE ON SCHEMA {} TO {}", "public", role)


def show_runs(connection: Connection) -> None:
    """Let the reader see how Airflow's runs went, once Airflow's tables are there."""
    _run(connection, "GRANT CONNECT ON DATABASE {} TO {}", AIRFLOW, MARKET_READER)
    _run(connection, "GRANT USAGE ON SCHEMA {} TO {}", "public", MARKET_READER)
    columns = ", ".join("{}" for _ in RUN_COLUMNS)
    _run(connection, f"GRANT SELECT ({columns}) ON dag_run TO {{}}", *RUN_COLUMNS, MARKET_READER)


def create_market_database(connection: Connection, name: str, *, template: str) -> None:
    """Make a database of market tables: its owner owns it, the writer and reader may connect."""
    _run(connection, "CREATE DATABASE {} OWNER {} TEMPLATE {}", name, MARKET_OWNER, template)
    _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
    _run(connection, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", name, MARKET_WRITER)
    _run(connection, "GRANT CONNECT ON DATABASE {} TO {}", name, MARKET_READER)


def drop_database(connection: Connection, name: str) -> None:
    """Drop a database and whoever is connected to it."""
    _run(connection, "DROP DATABASE {} WITH (FORCE)", name)


def _create_role(connection: Connection, role: str, password: str) -> None:
    # Only the hash travels, so that no log can ever show the password.
    hashed = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(hashed)))


def _names(connection: Connection, query: str) -> set[str]:
    return {str(row[0]) for row in connection.execute(query.encode())}


def _run(connection: Connection, statement: str, *names: str) -> None:
    text = sql.SQL(statement)
    connection.execute(text.format(*map(sql.Identifier, names)))
