"""A backfill's runs, as they stand in Airflow's tables: waited for, counted, cancelled."""

import difflib
import time
from collections import Counter

from airflow._shared.timezones import timezone
from airflow.jobs.job import most_recent_job
from airflow.models.backfill import Backfill, BackfillDagRun
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from sqlalchemy import func, select, update

POLL_S = 1.0
ENDED = (DagRunState.SUCCESS.value, DagRunState.FAILED.value)


def why_it_cannot_run(dag_id: str) -> tuple[int, str] | None:
    """Return the exit code and the reason why runs would wait for ever; None if not."""
    with create_session() as session:
        paused = session.execute(
            select(DagModel.is_paused).where(DagModel.dag_id == dag_id)
        ).first()
        known = session.scalars(select(DagModel.dag_id)).all()
    if paused is None:
        near = difflib.get_close_matches(dag_id, known, n=1)
        return 2, f"there is no DAG {dag_id}" + (f": did you mean {near[0]}?" if near else "")
    if paused[0]:
        return 2, f"{dag_id} is paused, its runs would wait: airflow dags unpause {dag_id}"
    if not scheduler_is_alive():
        return 3, "no scheduler is running, nobody would run anything: start the line"
    return None


def scheduler_is_alive() -> bool:
    """Return whether a scheduler has told lately that it lives."""
    job = most_recent_job("SchedulerJob")
    return job is not None and job.is_alive()


def active(dag_id: str) -> str | None:
    """
    Return what to do about the DAG's unfinished backfill.

    One whose runs have all ended is marked as ended, which the scheduler does every 30 s; then
    there is none, and None is returned.
    """
    with create_session() as session:
        unfinished = select(Backfill.id).where(
            Backfill.dag_id == dag_id, Backfill.completed_at.is_(None)
        )
        for backfill_id in session.scalars(unfinished).all():
            if set(_states(backfill_id)) - set(ENDED):
                return (
                    f"backfill {backfill_id} of {dag_id} is still running: wait for it, or cancel "
                    "it on the DAG's page"
                )
            _mark_ended(backfill_id)
    return None


def plan(backfill_id: int) -> str:
    """Return how many runs there are to do, and how many dates were left alone, and why."""
    with create_session() as session:
        reasons = session.scalars(
            select(BackfillDagRun.exception_reason).where(BackfillDagRun.backfill_id == backfill_id)
        ).all()
    skipped = Counter(str(reason) for reason in reasons if reason)
    left = "".join(f", {count} left alone ({reason})" for reason, count in sorted(skipped.items()))
    return f"{len(reasons) - skipped.total()} run(s) to do{left}"


def wait(backfill_id: int) -> dict[str, int]:
    """
    Return the runs' states once all have ended.

    Meanwhile they are shown: as a bar on a terminal, else as a line for each change.
    """
    shown = ""
    console = Console()  # not include's bar: an Airflow without the pipeline has this command too
    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        while True:
            states = _states(backfill_id)
            line, total = _line(states), sum(states.values())
            bar.update(task, description=line, completed=_ended(states), total=total or None)
            if line != shown and not console.is_terminal:
                print(line, flush=True)
            shown = line
            if not set(states) - set(ENDED):
                _mark_ended(backfill_id)
                return states
            time.sleep(POLL_S)  # Airflow's tables can only be asked again


def failures(backfill_id: int) -> list[str]:
    """Return a line for each date of the backfill whose run has failed, now or before."""
    with create_session() as session:
        dag_id = select(Backfill.dag_id).where(Backfill.id == backfill_id).scalar_subquery()
        dates = select(BackfillDagRun.logical_date).where(BackfillDagRun.backfill_id == backfill_id)
        runs = session.execute(
            select(DagRun.logical_date, DagRun.run_id)
            .where(
                DagRun.dag_id == dag_id,
                DagRun.logical_date.in_(dates),
                DagRun.state == DagRunState.FAILED,
            )
            .order_by(DagRun.logical_date)
        ).all()
    return [f"failed: {date.isoformat()} ({run_id})" for date, run_id in runs]


def cancel(backfill_id: int) -> str:
    """
    Let no more of the backfill's runs start; return what became of them.

    As the UI's cancel: what is queued fails, what runs goes on to its end.
    """
    with create_session() as session:
        of_backfill = update(Backfill).where(Backfill.id == backfill_id)
        session.execute(of_backfill.values(is_paused=True))
        session.commit()  # from here on nothing starts
        queued = session.execute(
            update(DagRun)
            .where(DagRun.backfill_id == backfill_id, DagRun.state == DagRunState.QUEUED)
            .values(state=DagRunState.FAILED)
            .execution_options(synchronize_session=False)
        ).rowcount
        running = _states(backfill_id).get(DagRunState.RUNNING.value, 0)
    _mark_ended(backfill_id)
    return f"{queued} run(s) will not start, {running} still running will go on to their end"


def _mark_ended(backfill_id: int) -> None:
    with create_session() as session:
        session.execute(
            update(Backfill)
            .where(Backfill.id == backfill_id, Backfill.completed_at.is_(None))
            .values(completed_at=timezone.utcnow())
        )


def _states(backfill_id: int) -> dict[str, int]:
    with create_session() as session:
        counted = session.execute(
            select(DagRun.state, func.count())
            .where(DagRun.backfill_id == backfill_id)
            .group_by(DagRun.state)
        ).all()
    return {str(getattr(state, "value", state)): count for state, count in counted}


def _line(states: dict[str, int]) -> str:
    total, ended = sum(states.values()), _ended(states)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    alive = "" if ended == total or scheduler_is_alive() else "; no scheduler is running"
    return f"{ended} of {total} ended: {told}{alive}" if total else ""


def _ended(states: dict[str, int]) -> int:
    return sum(states.get(state, 0) for state in ENDED)
