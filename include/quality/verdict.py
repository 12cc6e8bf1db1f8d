"""What the checks say of the last hour, its newest minutes counted in all stores first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from include.quality import checks, stores
from include.quality.checks import Finding
from include.settings import Settings
from include.warehouse.connection import Connection, limit_session, postgres_errors, target
from include.warehouse.statements import statement

CHECKED = timedelta(hours=1)
COUNTED = timedelta(minutes=5)  # of the audit's schedule: each minute is counted in one window
SETTLED = timedelta(minutes=5)  # by then every store has had its chance


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What was found.

    Attributes:
        checks: How many checks ran.
        markets: How many markets were counted in all stores.
        failed: Lines about failing checks of severity error.
        warned: Lines about others that fail.
    """

    checks: int
    markets: int
    failed: list[str]
    warned: list[str]


def judge(connection: Connection, settings: Settings, now: datetime) -> Verdict:
    """
    Count the stores and run all checks over the hour that ends five minutes before *now*.

    All are run and recorded, whatever they find; again for the same minute, they replace what they
    said. *connection* is put into autocommit mode.

    Raises:
        Unavailable: A server is away: run it again.
        Misconfigured: It refuses us for good.
    """
    until = now.replace(second=0, microsecond=0) - SETTLED
    window = {"from_ts": until - CHECKED, "until_ts": until}
    with postgres_errors(target(settings), "checking"):
        connection.autocommit = True
        limit_session(connection)
        again = connection.execute(
            statement("quality/checks.disagreeing_windows"), window
        ).fetchall()
        newest = (_ms(until - COUNTED), _ms(until))
        for from_ms, until_ms in {*cast(list[tuple[int, int]], again), newest} - {newest}:
            stores.count(connection, settings, from_ms, until_ms)
        counted = stores.count(connection, settings, *newest)
        chosen = checks.checks()
        found = checks.run(connection, chosen, window["from_ts"], until)
    return Verdict(len(chosen), counted.markets, _lines(found, "error"), _lines(found, "warn"))


def _lines(found: list[Finding], severity: str) -> list[str]:
    return [finding.line() for finding in found if finding.check.severity == severity]


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
