"""`airflow dags backfill`: create a backfill as Airflow's UI does, wait for it, report."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import NoReturn

import backfill_progress
from airflow.exceptions import AirflowException
from airflow.models.backfill import (
    AlreadyRunningBackfill,
    ReprocessBehavior,
    _create_backfill,
    _do_dry_run,
)
from airflow.utils import cli as cli_utils
from airflow.utils.platform import getuser
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from airflow.utils.session import create_session
from sqlalchemy.exc import OperationalError

FAILED, MISTAKEN, UNAVAILABLE, CANCELLED = 1, 2, 3, 130


@cli_utils.action_cli
@providers_configuration_loaded
def backfill(args: Namespace) -> None:
    """
    Run the command with its parsed arguments.

    Raises:
        SystemExit: Anything but success; `backfill_command` lists the codes.
    """
    try:
        _backfill(args)
    except KeyboardInterrupt:
        _end(CANCELLED, "cancelled")
    except OperationalError as e:
        _end(UNAVAILABLE, f"Airflow's database is away: {str(e.orig or e).strip().splitlines()[0]}")


def _backfill(args: Namespace) -> None:
    asked = _asked(args)
    if args.dry_run:
        _list(asked)
        return
    if complaint := backfill_progress.why_it_cannot_run(args.dag_id):
        _end(*complaint)
    if args.reset_dagruns and not args.yes and sys.stdin.isatty():
        _confirm(args)
    backfill_id = _create(asked, args.max_active_runs)
    print(f"backfill {backfill_id} of {args.dag_id}: {backfill_progress.plan(backfill_id)}")
    try:
        states = backfill_progress.wait(backfill_id)
    except KeyboardInterrupt:
        _end(CANCELLED, f"cancelled: {backfill_progress.cancel(backfill_id)}")
    failures = backfill_progress.failures(backfill_id)
    if failures:
        print("\n".join(failures), file=sys.stderr)
        _end(
            FAILED,
            f"backfill {backfill_id}: {len(failures)} run(s) failed: see their logs, then "
            "run them again: --rerun-failed-tasks",
        )
    print(f"backfill {backfill_id}: {states.get('success', 0)} run(s) succeeded")


def _asked(args: Namespace) -> dict[str, object]:
    """Return what both `_create_backfill` and `_do_dry_run` are told."""
    start, end = args.start_date or args.end_date, args.end_date or args.start_date
    if start is None:
        _end(MISTAKEN, "expected --start-date or --end-date or both, found none")
    if start > end:
        _end(MISTAKEN, f"expected --start-date before --end-date, found {start} and {end}")
    behavior = ReprocessBehavior.NONE
    if args.rerun_failed_tasks:
        behavior = ReprocessBehavior.FAILED
    if args.reset_dagruns:
        behavior = ReprocessBehavior.COMPLETED
    return {
        "dag_id": args.dag_id,
        "from_date": start,
        "to_date": end,
        "reverse": args.run_backwards,
        "reprocess_behavior": behavior,
        "dag_run_conf": _conf(args.conf),
    }


def _conf(text: str | None) -> dict[str, object] | None:
    if not text:
        return None
    try:
        conf = json.loads(text)
    except ValueError as e:
        _end(MISTAKEN, f"--conf: expected a JSON object, found {text[:80]!r}: {e}")
    if not isinstance(conf, dict):
        _end(MISTAKEN, f"--conf: expected a JSON object, found {text[:80]!r}")
    return conf


def _list(asked: Mapping[str, object]) -> None:
    try:
        with create_session() as session:
            dates = [info.logical_date for info in _do_dry_run(**asked, session=session)]
    except (AirflowException, ValueError) as e:
        _end(MISTAKEN, str(e))
    print(f"{len(dates)} run(s) of {asked['dag_id']}, nothing was started")
    for date in dates:
        print(date.isoformat())


def _confirm(args: Namespace) -> None:
    question = f"Run {args.dag_id} again for all dates whose run has ended? [y/N] "
    if input(question).strip().lower() not in ("y", "yes"):
        _end(CANCELLED, "cancelled: nothing was started")


def _create(asked: Mapping[str, object], max_active_runs: int | None) -> int:
    """Create the backfill; one that has ended but is not marked yet is waited for."""
    while True:
        try:
            return int(
                _create_backfill(
                    **asked, max_active_runs=max_active_runs, triggering_user_name=getuser()
                ).id
            )
        except AlreadyRunningBackfill:
            if active := backfill_progress.active(str(asked["dag_id"])):
                _end(MISTAKEN, active)
        except (AirflowException, ValueError) as e:
            _end(MISTAKEN, str(e))


def _end(code: int, text: str) -> NoReturn:
    print(f"airflow dags backfill: {text}", file=sys.stderr)
    raise SystemExit(code)
