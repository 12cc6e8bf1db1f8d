"""What `airflow dags backfill` is told: the options of Airflow 2 that still mean something."""

from airflow.cli.cli_config import (
    ARG_DAG_ID,
    ARG_VERBOSE,
    ActionCommand,
    Arg,
    lazy_load_command,
    parsedate,
    positive_int,
)

DESCRIPTION = """\
Run a DAG once for each of its data intervals that starts from --start-date to --end-date, both
inclusive, and wait until all runs have ended. A date without a time is its midnight: of a daily
DAG, `-s 2026-11-01 -e 2026-11-03` runs the three days 1, 2 and 3. Runs that are there already are
left alone; intervals that have not ended are not run. Ctrl-C cancels what has not started.
Exit codes: 0 all runs succeeded, 1 a run failed, 2 a mistake in what was asked, 3 no scheduler or
no database, 130 cancelled.
"""

COMMAND = ActionCommand(
    name="backfill",
    help="Run a DAG for each data interval of a range of dates, and wait",
    description=DESCRIPTION,
    func=lazy_load_command("backfill_runs.backfill"),
    args=(
        ARG_DAG_ID,
        Arg(("-s", "--start-date"), help="First date; default: --end-date", type=parsedate),
        Arg(("-e", "--end-date"), help="Last date; default: --start-date", type=parsedate),
        Arg(("-c", "--conf"), help="The runs' configuration: a JSON object"),
        Arg(("-n", "--dry-run"), help="Only list the dates to run", action="store_true"),
        Arg(("-B", "--run-backwards"), help="Newest date first", action="store_true"),
        Arg(
            ("--reset-dagruns",),
            help="Run again the dates whose run has ended, too",
            action="store_true",
        ),
        Arg(
            ("--rerun-failed-tasks",),
            help="Run again the dates whose run has failed, too",
            action="store_true",
        ),
        Arg(
            ("--max-active-runs",),
            help="Runs at a time; default: 10",
            type=positive_int(allow_zero=False),
        ),
        Arg(("-y", "--yes"), help="Do not ask before --reset-dagruns", action="store_true"),
        ARG_VERBOSE,
    ),
)
