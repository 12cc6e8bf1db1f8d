"""What PostgreSQL's roles may not do to the server, to each other and to other databases, tried."""

import os
from itertools import product

import psycopg
import pytest

from include.warehouse.connection import Connection, connect
from local.line import Line
from local.ports import LOOPBACK
from local.provision.postgres import AIRFLOW, MARKET_READER, MARKET_WRITER, superuser
from tests.warehouse.conftest import rows
from tests.warehouse.test_rights import refused

OF_THE_SERVER = (
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_shadow",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/dev/null'",
    "CREATE ROLE mine SUPERUSER",
    "ALTER ROLE postgres PASSWORD 'mine'",
    "ALTER SYSTEM SET log_statement = 'all'",
    "CREATE DATABASE mine",
    "DROP DATABASE airflow",
    "SET SESSION AUTHORIZATION postgres",
    "SET ROLE postgres",
    "SELECT pg_reload_conf()",
    "GRANT market_owner TO CURRENT_USER",
    "CREATE EXTENSION file_fdw",
)


@pytest.fixture(params=["writer", "reader", "owner"])
def role(request: pytest.FixtureRequest) -> Connection:
    """Each role of ours in turn; the owner too owns the market tables and nothing else."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("statement", OF_THE_SERVER)
def test_no_role_of_ours_touches_the_server(role: Connection, statement: str):
    assert refused(role, statement)


def test_there_is_one_superuser(writer: Connection):
    assert rows(writer, "SELECT rolname FROM pg_roles WHERE rolsuper") == [("postgres",)]


@pytest.mark.parametrize(
    ("name", "database"),
    [
        *product([MARKET_WRITER, MARKET_READER], ["postgres", "template1"]),
        (MARKET_WRITER, AIRFLOW),
    ],
)
def test_nobody_enters_another_database(servers: Line, settings, name: str, database: str):
    """The reader enters Airflow's, to see how runs went, and no more: see tests/dashboards."""
    told = {
        "postgres_database": database,
        "postgres_user": name,
        "postgres_passfile": servers.layout.pgpass(name),
    }
    with pytest.raises(Exception, match="permission denied for database"):
        connect(settings.model_copy(update=told), application="test")


def test_nobody_enters_without_a_password(servers: Line):
    for name in (MARKET_WRITER, MARKET_READER, "postgres"):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(
                host=LOOPBACK, port=servers.ports.postgres, dbname="market", user=name,
                passfile=os.devnull,
            )  # fmt: skip


def test_passwords_are_kept_as_scram_only(servers: Line):
    with superuser(servers.layout, servers.ports) as connection:
        kept = rows(connection, "SELECT rolpassword FROM pg_authid WHERE rolcanlogin")
    assert len(kept) == 5
    assert all(str(password).startswith("SCRAM-SHA-256$") for (password,) in kept)
