"""
### audit_quality

Runs every five minutes. Proves each closed minute against the exchange's candle, repairs missing
and wrong trades from the exchange's history, and runs the checks.

* **Reads** `trades`, `candles`, `crypto_prices`, the records in Kafka and counts from InfluxDB. For
  minutes that fail their proof, it requests the exchange's history (pool `exchange`).
* **Writes** `minute_audits`, `gap_ledger`, `store_counts` and `quality_results`. A repair writes
  `trades` (removed trades go to `trade_corrections`), `candles` with their revisions, and the
  one-second bars of these minutes in `crypto_trades` in InfluxDB.
* **If it fails** in `prove`, a server or the exchange is unreachable. The task retries, and open
  gaps stay open until they are repaired. If it fails in `check`, a check of severity error found
  rows that break its rule. The last line of the task's log names the check and what to do;
  `quality_results` has a sample of the rows. Warnings do not fail the run.
"""

from datetime import UTC, datetime, timedelta

import fleet
from airflow.sdk import CronDataIntervalTimetable, TriggerRule, dag, task

READ = fleet.assets("crypto_prices", "trades", "candles", "indicators")
PROVED = fleet.assets("minute_audits", "gap_ledger")
CHECKED = fleet.assets("quality_results", "store_counts")


@dag(
    schedule=CronDataIntervalTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    default_args=fleet.DEFAULTS,
    tags=["quality", "tier-1"],
    doc_md=__doc__,
)
def audit_quality() -> None:
    @task(
        inlets=READ,
        outlets=PROVED,
        pool=fleet.EXCHANGE_POOL,
        execution_timeout=timedelta(minutes=10),
    )
    def prove() -> dict[str, object]:
        """Prove due minutes and repair those that fail; return the counts."""
        from include.quality.audit import audit

        return fleet.counted("audit.done", audit)

    @task(
        inlets=READ + PROVED,
        outlets=CHECKED,
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(minutes=5),
    )
    def check() -> dict[str, object]:
        """Count the stores and run all checks; fail if one of severity error fails."""
        import dataclasses
        from datetime import UTC, datetime

        import structlog
        from airflow.sdk.exceptions import AirflowFailException

        from include.quality.checks import check_quality

        with fleet.open_market() as (connection, settings):
            report = check_quality(connection, settings, datetime.now(UTC))
        for line in report.warned:
            structlog.get_logger().warning("check.warned", finding=line)
        if report.failed:
            raise AirflowFailException("; ".join(report.failed))
        return dataclasses.asdict(report)

    prove() >> check()


audit_quality()
