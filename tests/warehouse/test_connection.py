"""Errors of PostgreSQL, translated by what the caller has to do, each in one line."""

from pathlib import Path

import psycopg
import pytest

from include.errors import Misconfigured, Unavailable
from include.settings import Settings
from include.warehouse.connection import connect, postgres_errors


def test_a_wrong_password_is_misconfigured(settings: Settings, tmp_path: Path):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text("*:*:*:market_writer:canary-wrong-0123456789")

    with pytest.raises(Misconfigured, match="password authentication failed") as refused:
        connect(settings.model_copy(update={"postgres_passfile": passfile}), application="test")

    assert "\n" not in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_missing_database_is_misconfigured(settings: Settings):
    with pytest.raises(Misconfigured, match='database "nowhere" does not exist'):
        connect(settings.model_copy(update={"postgres_database": "nowhere"}), application="test")


def test_a_missing_password_file_is_named(settings: Settings, tmp_path: Path):
    nowhere = tmp_path / "nowhere"

    with pytest.raises(Misconfigured, match=f"PIPELINE_POSTGRES_PASSFILE.*{nowhere}"):
        connect(settings.model_copy(update={"postgres_passfile": nowhere}), application="test")


def test_a_password_file_readable_by_others_is_rejected(settings: Settings, tmp_path: Path):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o644)

    with pytest.raises(Misconfigured, match="expected mode 0600, found 0644"):
        connect(settings.model_copy(update={"postgres_passfile": passfile}), application="test")


@pytest.mark.parametrize("password", ["", "changeme", "short", "aaaaaaaaaaaaaaaaaaaaaaaa"])
def test_a_weak_password_is_rejected(settings: Settings, tmp_path: Path, password: str):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text(f"# host:port:database:user:password\n*:*:*:market_writer:{password}\n")

    with pytest.raises(Misconfigured, match=r"PIPELINE_POSTGRES_PASSFILE: line 2 of ") as refused:
        connect(settings.model_copy(update={"postgres_passfile": passfile}), application="test")

    assert not password or password not in str(refused.value)


def test_a_missing_server_is_unavailable(settings: Settings):
    with pytest.raises(Unavailable, match=r"market_writer@127\.0\.0\.1:1/"):
        connect(settings.model_copy(update={"postgres_port": 1}), application="test")


def test_a_connection_closed_by_the_server_is_unavailable(
    settings: Settings, owner_settings: Settings
):
    with (
        connect(settings, application="victim") as victim,
        connect(settings, application="killer") as killer,
    ):
        killer.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
        with pytest.raises(Unavailable, match="reading failed"), postgres_errors("here", "reading"):
            victim.execute("SELECT 1")


def test_a_bug_is_not_translated(settings: Settings):
    with connect(settings, application="test") as connection:
        connection.execute("SELECT 1").fetchone()
        with pytest.raises(psycopg.ProgrammingError), postgres_errors("here", "reading"):
            connection.execute("SELECT %s", [])
