"""
The checks of `sql/checks`: a file returns the rows that break its rule, its head says the rest.

    -- severity: error | warn
    -- meaning: the rule, in a line
    -- do: what a person does about it

Each is bound with `from_ts` and `until_ts`, and recorded in `quality_results`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from psycopg import sql

from include.warehouse.connection import Connection
from include.warehouse.statements import SQL, compose, statement

HEAD = re.compile(r"-- severity: (error|warn)\n-- meaning: (.+)\n-- do: (.+)\n")


@dataclass(frozen=True, slots=True)
class Check:
    """
    One file of `sql/checks`.

    Attributes:
        severity: error (a failure fails the run) or warn.
        meaning: The rule.
        advice: What to do when it is broken.
    """

    name: str
    severity: str
    meaning: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A check and the number of rows that broke its rule."""

    check: Check
    failing: int

    def line(self) -> str:
        """Return the finding for a person, with what to do."""
        check = self.check
        return f"{check.name}: {self.failing} rows break: {check.meaning}; do: {check.advice}"


def checks() -> list[Check]:
    """Return all checks, in order of their names."""
    found = []
    for path in sorted((SQL / "checks").glob("*.sql")):
        head = HEAD.match(path.read_text(encoding="utf-8"))
        assert head, f"{path.name}: expected severity, meaning and do at its head"
        found.append(Check(path.stem, *head.groups()))
    return found


def _text(name: str) -> str:
    return (SQL / "checks" / f"{name}.sql").read_text(encoding="utf-8")


def run(
    connection: Connection, chosen: Sequence[Check], from_ts: datetime, until_ts: datetime
) -> list[Finding]:
    """Run and record each check over [from_ts, until_ts); return those with failing rows."""
    findings = []
    window = {"from_ts": from_ts, "until_ts": until_ts}
    for check in chosen:
        query = sql.SQL(_text(check.name))
        counted = connection.execute(compose("quality/checks.count_failing", check=query), window)
        failing, sample = cast(tuple[int, str], counted.fetchone())
        connection.execute(
            statement("quality/checks.record"),
            {
                **window,
                "check": check.name,
                "severity": check.severity,
                "failing": failing,
                "sample": sample,
            },
        )
        if failing:
            findings.append(Finding(check, failing))
    return findings
