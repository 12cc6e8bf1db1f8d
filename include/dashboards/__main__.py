"""`python -m include.dashboards` writes `grafana/` again; with --check it says what differs."""

import argparse
import sys

from include.dashboards.files import differing, write
from include.runtime import run_command


def main() -> int:
    parser = argparse.ArgumentParser(prog="include.dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if it would")
    options = parser.parse_args()
    return run_command("dashboards", differing if options.check else write)


if __name__ == "__main__":
    sys.exit(main())
