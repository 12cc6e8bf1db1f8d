"""
Prove what is due, open gaps, repair them, prove again: `python -m include.quality.audit`.

Two at once take turns. Killed anywhere and run again it comes to the same.
"""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from include.quality import ledger
from include.quality.proof import prove_due
from include.quality.repair import Repaired, repair
from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import Connection, connect, postgres_errors, target
from include.warehouse.statements import statement


@dataclass(frozen=True, slots=True)
class Audited:
    """
    What one audit found and did.

    Attributes:
        minutes: Minutes proved, by status, before any repair.
        opened: Gaps opened.
        repaired: What became of the open ones.
    """

    minutes: dict[str, int]
    opened: int
    repaired: Repaired


def audit(connection: Connection, settings: Settings) -> Audited:
    """
    Audit all markets once; the idle *connection*, as the writer, is put into autocommit mode.

    Raises:
        Unavailable: A server is away: run it again. What was found stands.
        Misconfigured: The tables are not ours, or an exchange does not know a symbol.
    """
    with postgres_errors(target(settings), "auditing"):
        connection.autocommit = True
        connection.execute(statement("load/bound_session"))
        with _turn(connection):
            proved = prove_due(connection)
            opened = ledger.open_gaps(connection)
            repaired = asyncio.run(repair(connection, settings))
    return Audited(dict(sorted(proved.items())), opened, repaired)


@contextmanager
def _turn(connection: Connection) -> Iterator[None]:
    connection.execute(statement("quality/lock"))
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(statement("quality/unlock"))


def audit_once() -> None:
    """Audit; print what was done as one line of JSON."""
    settings = Settings.load()
    with connect(settings, application="audit") as connection:
        print(json.dumps(dataclasses.asdict(audit(connection, settings))))


def main() -> int:
    return run_command("audit", audit_once)


if __name__ == "__main__":
    sys.exit(main())
