"""
Airflow's site settings, read by each of its processes before the command line is parsed.

Airflow 3 has no `airflow dags backfill`; here it is put back. Whatever fails costs that command
alone: `airflow` goes on, with a warning.
"""

import os
import sys
from pathlib import Path

__all__: list[str] = []  # nothing here overrides a setting or is a policy

# `python -m airflow` is "-m" while the package is still being found
PROGRAMS = ("airflow", "__main__.py", "-m")
# Airflow logs two lines for each run it creates, which the command's own progress tells
QUIET = "airflow.models.backfill=WARNING airflow.serialization.definitions.dag=WARNING"


def _add_backfill() -> None:
    from airflow.cli import cli_config
    from backfill_command import COMMAND

    groups = cli_config.core_commands
    place = [group.name for group in groups].index("dags")
    commands = tuple(groups[place].subcommands)
    if COMMAND.name not in [command.name for command in commands]:
        groups[place] = groups[place]._replace(subcommands=(*commands, COMMAND))


if Path(sys.argv[0]).name in PROGRAMS and sys.argv[1:2] == ["dags"]:
    try:
        _add_backfill()
        if sys.argv[2:3] == ["backfill"] and not {"-v", "--verbose"} & set(sys.argv):
            os.environ.setdefault("AIRFLOW__LOGGING__NAMESPACE_LEVELS", QUIET)
    except Exception as e:  # noqa: BLE001  # an entry point: `airflow` must start
        print(
            f"WARNING: airflow dags backfill is not available: {type(e).__name__}: {e}",
            file=sys.stderr,
        )
