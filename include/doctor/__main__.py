"""
Check the servers of the settings; `python -m include.doctor`, part of `make doctor`.

Exits with 0 if all checks pass, 2 if an operator has to act, 3 if a server is unreachable.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from include.doctor.check import CheckResult, most_severe, run_check
from include.doctor.servers import list_checks
from include.runtime import run_command
from include.settings import Settings


def check_servers(settings: Settings) -> list[CheckResult]:
    """Run all checks at once; the slowest decides the duration."""
    checks = list_checks(settings)
    with ThreadPoolExecutor(len(checks)) as pool:
        return list(pool.map(run_check, checks))


def main() -> int:
    results: list[CheckResult] = []
    code = run_command("doctor", lambda: results.extend(check_servers(Settings.load())))
    for result in results:
        print(result)
    return code or most_severe(results)


if __name__ == "__main__":
    sys.exit(main())
