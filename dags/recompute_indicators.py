"""
### recompute_indicators

Every five minutes computes the indicators of new and revised candles with pandas-ta, and compares
the stream with them.

* **Reads** `candles`: whatever was written since the last run, however late, with the day before it
  as warm-up.
* **Writes** `indicators` (session VWAP, MACD), all markets in one task; a row only where it is new
  or has other values.
* **If it fails** let it retry: a run computes all that is missing, so the next one heals what this
  one left. Failed without a retry, a person must act; the task's last line says what was expected,
  what was found and what to do.
"""

from datetime import UTC, datetime, timedelta

import fleet
from airflow.sdk import CronDataIntervalTimetable, dag, task


@dag(
    schedule=CronDataIntervalTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    default_args=fleet.DEFAULTS,
    tags=["indicators", "tier-2"],
    doc_md=__doc__,
)
def recompute_indicators() -> None:
    @task(
        inlets=fleet.assets("candles"),
        outlets=fleet.assets("indicators"),
        execution_timeout=timedelta(minutes=10),
    )
    def recompute() -> dict[str, object]:
        """Compute what is stale; return the counts."""
        import dataclasses

        import structlog

        from include.history.indicators import recompute_stale

        with fleet.open_market() as (connection, _):
            done = dataclasses.asdict(recompute_stale(connection))
        structlog.get_logger().info("recompute.done", **done)
        return done

    recompute()


recompute_indicators()
