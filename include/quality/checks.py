"""
Run the checks of `sql/checks` over the last hour, after its newest minutes were counted.

A check is a file whose statement returns the rows that break a rule, with this header:

    -- severity: error | warn
    -- meaning: the rule
    -- do: the action when it is broken

The statement has the parameters `from_ts` and `until_ts`. The result is a row of
`quality_results`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from psycopg import sql

from include.quality import stores
from include.settings import Settings
from include.warehouse.connection import Connection, limit_session, postgres_errors, target
from include.warehouse.statements import SQL, compose, statement

HEADER = re.compile(r"-- severity: (error|warn)\n-- meaning: (.+)\n-- do: (.+)\n")
CHECKED = timedelta(hours=1)
COUNTED = timedelta(minutes=5)  # the audit's schedule: each minute is counted in one window
SETTLED = timedelta(minutes=5)  # until then, stores may still be behind


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """A file of `sql/checks`."""

    name: str
    severity: str
    """error (a failure fails the run) or warn."""
    meaning: str
    """The rule."""
    advice: str
    """What to do when the rule is broken."""
    query: str
    """Returns the rows that break the rule."""


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that found rows."""

    check: QualityCheck
    failing: int
    """Number of rows that break the rule."""

    def line(self) -> str:
        """Return the failure and the advice for an operator."""
        check = self.check
        return f"{check.name}: {self.failing} rows break: {check.meaning}; do: {check.advice}"


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The result of all checks."""

    checks: int
    """Number of checks that ran."""
    markets: int
    """Markets counted in all stores."""
    failed: list[str]
    """A line for each failed check of severity error."""
    warned: list[str]
    """A line for each failed check of severity warn."""


def load_checks() -> list[QualityCheck]:
    """Return all checks, in order of their names."""
    checks = []
    for path in sorted((SQL / "checks").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        header = HEADER.match(text)
        assert header, f"{path.name}: expected severity, meaning and do in its header"
        checks.append(QualityCheck(path.stem, header[1], header[2], header[3], text))
    return checks


def run_checks(
    connection: Connection, checks: Sequence[QualityCheck], from_ts: datetime, until_ts: datetime
) -> list[FailedCheck]:
    """Run and record each check over [from_ts, until_ts); return those that found rows."""
    failed = []
    window = {"from_ts": from_ts, "until_ts": until_ts}
    for check in checks:
        counting = compose("quality/checks.count_failing", check=sql.SQL(check.query))
        failing, sample = cast(tuple[int, str], connection.execute(counting, window).fetchone())
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
            failed.append(FailedCheck(check, failing))
    return failed


def check_quality(connection: Connection, settings: Settings, now: datetime) -> QualityReport:
    """
    Count the stores and run all checks over the hour that ends five minutes before *now*.

    All checks run and are recorded, whatever they find. A repetition in the same minute replaces
    the results.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode.
        settings: The servers.
        now: The current time.

    Raises:
        Unavailable: A server is unreachable: run it again.
        Misconfigured: A server rejects the credentials, or the tables are of another version.
    """
    until = now.replace(second=0, microsecond=0) - SETTLED
    window = {"from_ts": until - CHECKED, "until_ts": until}
    with postgres_errors(target(settings), "checking"):
        connection.autocommit = True
        limit_session(connection)
        disagreeing = connection.execute(
            statement("quality/checks.disagreeing_windows"), window
        ).fetchall()
        newest = (_ms(until - COUNTED), _ms(until))
        for from_ms, until_ms in {*cast(list[tuple[int, int]], disagreeing), newest} - {newest}:
            stores.count_stores(connection, settings, from_ms, until_ms)
        counted = stores.count_stores(connection, settings, *newest)
        checks = load_checks()
        failed = run_checks(connection, checks, window["from_ts"], until)
    return QualityReport(
        len(checks), counted.markets, _lines(failed, "error"), _lines(failed, "warn")
    )


def _lines(failed: list[FailedCheck], severity: str) -> list[str]:
    return [one.line() for one in failed if one.check.severity == severity]


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
