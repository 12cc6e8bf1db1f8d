"""
Prove due minutes, open gaps, repair them and prove again: `python -m include.quality.audit`.

Two audits at once take turns. An audit may be killed at any point and repeated.
"""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from include.quality.proof import open_gaps, prove_due
from include.quality.repair import RepairResult, repair
from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import (
    Connection,
    connect,
    limit_session,
    postgres_errors,
    target,
)
from include.warehouse.statements import statement


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What one audit found and did."""

    minutes: dict[str, int]
    """Minutes proved before any repair, by status."""
    opened: int
    """New gaps."""
    repaired: RepairResult
    """What was done about open gaps."""


def audit(connection: Connection, settings: Settings) -> AuditResult:
    """
    Audit all markets once.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode.
        settings: The servers.

    Raises:
        Unavailable: A server is unreachable: run it again. Committed results stand.
        Misconfigured: The tables are not those of this version, or an exchange lacks a symbol.
    """
    with postgres_errors(target(settings), "auditing"):
        connection.autocommit = True
        limit_session(connection)
        with _audit_lock(connection):
            proved = prove_due(connection)
            opened = open_gaps(connection)
            repaired = asyncio.run(repair(connection, settings))
    return AuditResult(dict(sorted(proved.items())), opened, repaired)


@contextmanager
def _audit_lock(connection: Connection) -> Iterator[None]:
    connection.execute(statement("quality/audit.lock"))
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(statement("quality/audit.unlock"))


def audit_once() -> None:
    """Audit; print the result as one line of JSON."""
    settings = Settings.load()
    with connect(settings, application="audit") as connection:
        print(json.dumps(dataclasses.asdict(audit(connection, settings))))


def main() -> int:
    return run_command("audit", audit_once)


if __name__ == "__main__":
    sys.exit(main())
