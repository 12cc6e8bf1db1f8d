"""Migrate the tables to this version; `python -m include.warehouse.migrations`, as the owner."""

import hashlib
import sys
from pathlib import Path

import structlog

from include import log
from include.errors import Misconfigured
from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import Connection, connect, postgres_errors, target
from include.warehouse.statements import SQL, statement

DIRECTORY = SQL / "migrations"
LOCK_ID = 0x6D61726B6574  # "market": one runner at a time
LOCK_TIMEOUT_MS = 60_000
logger = structlog.get_logger()


def migrate(settings: Settings, directory: Path = DIRECTORY) -> list[str]:
    """
    Apply the pending files of *directory*, each in a transaction; return their names.

    Two runners at once are safe: the second waits, then finds nothing to do.

    Args:
        settings: `postgres_user` is the owner.
        directory: Numbered `.sql` files.

    Raises:
        Misconfigured: An applied file was changed or is missing, a new file has a lower number than
            an applied one, or `settings.postgres_user` does not own the database.
        Unavailable: PostgreSQL is unreachable.
    """
    files = _files(directory)
    with (
        connect(settings, application="migrations") as connection,
        postgres_errors(target(settings), "migrating"),
    ):
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [str(LOCK_TIMEOUT_MS)])
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_ID])
        connection.execute(statement("warehouse/migrations.create_ledger"))
        names = _pending(files, _applied(connection))
        for name in names:
            _apply(connection, name, files[name])
    return names


def list_pending(settings: Settings, directory: Path = DIRECTORY) -> list[str]:
    """
    Return the files of *directory* that are not applied yet; the writer may call this.

    Raises:
        Misconfigured: As `migrate`, or no migration was ever applied.
        Unavailable: PostgreSQL is unreachable.
    """
    files = _files(directory)
    with (
        connect(settings, application="migrations") as connection,
        postgres_errors(target(settings), "reading the migrations"),
    ):
        return _pending(files, _applied(connection))


def _files(directory: Path) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in sorted(directory.glob("*.sql"))}
    if not files:
        raise Misconfigured(f"expected numbered .sql files in {directory}, found none")
    return files


def _applied(connection: Connection) -> dict[str, str]:
    rows = connection.execute(statement("warehouse/migrations.applied")).fetchall()
    return {str(name): str(sha256) for name, sha256 in rows}


def _pending(files: dict[str, bytes], applied: dict[str, str]) -> list[str]:
    for name, sha256 in applied.items():
        if name not in files:
            raise Misconfigured(
                f"migration {name} was applied, but its file is missing: restore it"
            )
        if sha256 != _sha256(files[name]):
            raise Misconfigured(
                f"migration {name} was changed after it was applied: restore it, "
                "and put the change into a new file"
            )
    pending = [name for name in files if name not in applied]
    latest = max(applied, default="")
    for name in pending:
        if name < latest:
            raise Misconfigured(
                f"expected migration {name} to come after {latest}, which is applied: renumber it"
            )
    return pending


def _apply(connection: Connection, name: str, script: bytes) -> None:
    with connection.transaction():
        connection.execute(script)
        connection.execute(statement("warehouse/migrations.record"), [name, _sha256(script)])


def _sha256(script: bytes) -> str:
    return hashlib.sha256(script).hexdigest()


def main() -> int:
    log.configure("migrations")
    return run_command(
        "migrations", lambda: logger.info("migrations.applied", names=migrate(Settings.load()))
    )


if __name__ == "__main__":
    sys.exit(main())
