"""
Count the newest minutes in all stores and run all checks; `python -m include.quality`.

Exits with 4 if a check of severity error fails. Warnings are printed and are no failure.
"""

import sys
from datetime import UTC, datetime

from include.errors import Exit
from include.quality.checks import QualityReport, check_quality
from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import connect


def print_report() -> QualityReport:
    """Check now; print and return the report."""
    settings = Settings.load()
    with connect(settings, application="quality") as connection:
        report = check_quality(connection, settings, datetime.now(UTC))
    for state, lines in (("NOT OK", report.failed), ("warning", report.warned)):
        for line in lines:
            print(f"{state:<7} {line}")
    print(
        f"{report.checks} checks of the hour until five minutes ago, {report.markets} markets "
        f"counted in all stores: {len(report.failed)} not ok, {len(report.warned)} warnings"
    )
    return report


def main() -> int:
    reports: list[QualityReport] = []
    code = run_command("quality", lambda: reports.append(print_report()))
    has_failed = any(report.failed for report in reports)
    return code or (Exit.QUALITY if has_failed else Exit.OK)


if __name__ == "__main__":
    sys.exit(main())
