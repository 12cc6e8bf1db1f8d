"""
What all DAGs share: retries by the kind of error, one line for a failure, assets, the market.

Airflow imports this file in each of its processes, and DAG files at each parse: it imports the
pipeline only inside a task.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AsyncCallback, DeadlineAlert, DeadlineReference, RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision

if TYPE_CHECKING:
    from include.settings import Settings
    from include.warehouse.connection import Connection

EXCHANGE_POOL = "exchange"  # calls of an exchange: one task at a time keeps to its rate limit
CONNECTION = "market"  # Airflow's connection to the market tables


def assets(*tables: str) -> list[Asset]:
    """Return tables of the market as assets, by which Airflow's graph joins the DAGs."""
    return [Asset(table) for table in tables]


class ByDuty(RetryPolicy):
    """Wait as long as the other side asked for; else as the task's own backoff says."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        after_s = getattr(exception, "retry_after_s", None)  # of include.errors.Unavailable
        if after_s is None:
            return RetryDecision.default()
        return RetryDecision.retry(
            timedelta(seconds=after_s), f"the other side asked for {after_s:.0f} s"
        )


def report_failure(context: Any) -> None:
    """Log one line: which task of which run, at which try, and why."""
    import structlog

    instance = context["task_instance"]
    error = context.get("exception")
    structlog.get_logger().error(
        "task.failed",
        dag=instance.dag_id,
        task=instance.task_id,
        run=instance.run_id,
        attempt=instance.try_number,
        error=" ".join(f"{type(error).__name__}: {error}".split())[:500],
    )


async def report_late(context: Any, **_: Any) -> None:
    """Log one line: a run that is not through when it should be; the triggerer calls it."""
    import structlog

    run = context.get("dag_run", {})
    structlog.get_logger().error("run.late", dag=run.get("dag_id"), run=run.get("dag_run_id"))


def due_within(interval: timedelta) -> DeadlineAlert:
    """Return the alert for runs that are not through so long after they were queued."""
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, interval, AsyncCallback(report_late))


DEFAULTS: dict[str, Any] = {
    "owner": "market-data",
    "retries": 5,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=1),
    "retry_policy": ByDuty(),
    "on_failure_callback": report_failure,
}


@contextmanager
def open_market() -> Iterator[tuple["Connection", "Settings"]]:
    """
    Open Airflow's connection to the market tables and read the settings; close it at the end.

    Raises:
        AirflowFailException: A person must act, as the line says: no retry can help.
        Unavailable: Some server is away: the retries are for that.
    """
    import logging
    from contextlib import closing

    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowFailException

    from include import log
    from include.errors import Misconfigured
    from include.settings import Settings
    from include.warehouse.connection import postgres_errors

    for library in log.QUIET_LOGGERS:
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        settings = Settings.load()
        where = f"Airflow's connection `{CONNECTION}`"
        with postgres_errors(where, "connecting"):
            connection = PostgresHook(CONNECTION).get_conn()
        with closing(connection), postgres_errors(where, "working"):
            yield connection, settings
    except Misconfigured as e:
        raise AirflowFailException(str(e)) from None


def counted(event: str, work: "Callable[[Connection, Settings], Any]") -> dict[str, Any]:
    """
    Do *work* on the market tables; return the counts that it returns, and log them as *event*.

    Raises:
        As `open_market`.
    """
    import dataclasses

    import structlog

    with open_market() as (connection, settings):
        counts = dataclasses.asdict(work(connection, settings))
    structlog.get_logger().info(event, **counts)
    return counts
