"""
Count the newest minutes in all stores and run all checks; `python -m include.quality`.

Ends with 4 if a check that must hold does not; warnings are told, and are no failure.
"""

import sys
from datetime import UTC, datetime

from include.errors import Exit
from include.quality.verdict import Verdict, judge
from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import connect


def checked() -> Verdict:
    """Return the verdict of now, after it was printed."""
    settings = Settings.load()
    with connect(settings, application="quality") as connection:
        verdict = judge(connection, settings, datetime.now(UTC))
    for state, lines in (("NOT OK", verdict.failed), ("warning", verdict.warned)):
        for line in lines:
            print(f"{state:<7} {line}")
    print(
        f"{verdict.checks} checks of the hour until five minutes ago, {verdict.markets} markets "
        f"counted in all stores: {len(verdict.failed)} not ok, {len(verdict.warned)} warnings"
    )
    return verdict


def main() -> int:
    verdicts: list[Verdict] = []
    code = run_command("quality", lambda: verdicts.append(checked()))
    is_broken = any(verdict.failed for verdict in verdicts)
    return code or (Exit.QUALITY if is_broken else Exit.OK)


if __name__ == "__main__":
    sys.exit(main())
