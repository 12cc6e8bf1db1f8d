"""
### recompute_indicators

Every five minutes computes the indicators of new and revised candles with pandas-ta, then compares
the stream with them and corrects it where it is wrong.

* **Reads** `candles`: whatever was written since the last run, however late, with the day before it
  as warm-up; InfluxDB's `crypto_candles`.
* **Writes** `indicators` (session VWAP, MACD), all markets in one task, a row only where it is new
  or has other values; `reconciliations` (stream against batch, by hour and KPI); points of
  `crypto_candles` that a revision or a gap made wrong, and `corrections` that say so.
* **If it fails** let it retry: a run does all that is missing, so the next one heals what this one
  left. Failed without a retry, a person must act; the task's last line says what was expected, what
  was found and what to do. A reconciliation with status `differs` or `missing` that stays means
  that InfluxDB does not keep what is written to it.
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
        from include.history.indicators import recompute_stale

        return fleet.counted("recompute.done", lambda connection, _: recompute_stale(connection))

    @task(
        inlets=fleet.assets("indicators"),
        outlets=fleet.assets("reconciliations", "corrections"),
        execution_timeout=timedelta(minutes=10),
    )
    def reconcile() -> dict[str, object]:
        """Compare the stream with what was computed, correct it; return the counts."""
        from include.history.reconciliation import reconcile as reconcile_once

        return fleet.counted("reconcile.done", reconcile_once)

    recompute() >> reconcile()


recompute_indicators()
