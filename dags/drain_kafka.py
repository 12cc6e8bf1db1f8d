"""
### drain_kafka

Every minute moves what Kafka holds into PostgreSQL, exactly once.

* **Reads** topic `crypto.market` (setting `PIPELINE_TOPIC_MARKET`), from the offsets in
  `kafka_offsets` to the topic's end at start.
* **Writes** `crypto_prices`, `trades`, `candles`, `gaps`, `dead_letters`, and moves `kafka_offsets`
  in the same transaction: a run killed anywhere and run again changes nothing twice. The KPIs are
  folded as the live consumer folds them, from the state kept beside the offsets: a row of
  `crypto_prices` equals InfluxDB's point.
* **If it fails** let it retry: Kafka keeps seven days. Failed without a retry, a person must act;
  the task's last line says what was expected, what was found and what to do; `drain_rejections` has
  it too. `lost_offsets` that are not empty: records were deleted before they were drained; their
  range is in `kafka_losses`, the audit repairs what the exchange still has.
  `caught_up: false` several times in a row means that more comes in than one run may write
  (`PIPELINE_DRAIN_MAX_S`): run `python -m include.warehouse.drain` beside it. A run that is not
  through five minutes after it was queued is told in the triggerer's log (`run.late`).
"""

from datetime import UTC, datetime, timedelta

import fleet
from airflow.sdk import CronDataIntervalTimetable, dag, task

TABLES = fleet.assets("crypto_prices", "trades", "candles", "gaps", "dead_letters")


@dag(
    schedule=CronDataIntervalTimetable("* * * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    deadline=fleet.due_within(timedelta(minutes=5)),
    default_args=fleet.DEFAULTS,
    tags=["ingest", "tier-1"],
    doc_md=__doc__,
)
def drain_kafka() -> None:
    @task(outlets=TABLES, execution_timeout=timedelta(minutes=3))
    def drain() -> dict[str, object]:
        """Drain once; return the counts."""
        from include.warehouse.drain import drain as drain_once

        return fleet.counted("drain.done", drain_once)

    drain()


drain_kafka()
