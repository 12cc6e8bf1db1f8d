"""
### recompute_indicators

Runs every five minutes. Computes the indicators of new and revised candles by pandas-ta, compares
the stream with them, and corrects wrong points in InfluxDB.

* **Reads** `candles` written since the last run, with the day before them as warm-up, and
  `crypto_candles` in InfluxDB.
* **Writes** `indicators` (session VWAP, MACD) of all markets, but only new rows and changed values;
  `reconciliations` (stream compared with batch, by hour and KPI); points of `crypto_candles` that a
  revision or a gap made wrong, recorded in `corrections`.
* **If it fails** let it retry: each run computes everything that is missing. If it fails without a
  retry, an operator has to act: the last line of the task's log has what was expected, what was
  found and what to do. If a reconciliation keeps the status `differs` or `missing`, InfluxDB does
  not store the corrections.
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
        """Compute stale indicators; return the counts."""
        from include.history.indicators import recompute_stale

        return fleet.counted("recompute.done", lambda connection, _: recompute_stale(connection))

    @task(
        inlets=fleet.assets("indicators"),
        outlets=fleet.assets("reconciliations", "corrections"),
        execution_timeout=timedelta(minutes=10),
    )
    def reconcile() -> dict[str, object]:
        """Compare the stream with the batch and correct it; return the counts."""
        from include.history.reconciliation import reconcile as reconcile_once

        return fleet.counted("reconcile.done", reconcile_once)

    recompute() >> reconcile()


recompute_indicators()
