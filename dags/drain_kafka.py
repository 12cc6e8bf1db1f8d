"""
### drain_kafka

Runs every minute. Moves Kafka's records into PostgreSQL exactly once.

* **Reads** topic `crypto.market` (setting `PIPELINE_TOPIC_MARKET`), from the offsets in
  `kafka_offsets` to the end of the topic at start.
* **Writes** `crypto_prices`, `trades`, `candles`, `gaps` and `dead_letters`, and moves
  `kafka_offsets` in the same transaction, so a killed run can be repeated. KPIs are folded as in
  the live consumer, from the state stored beside the offsets: a row of `crypto_prices` equals the
  point in InfluxDB.
* **If it fails** let it retry: Kafka keeps records for seven days. If it fails without a retry, an
  operator has to act: the last line of the task's log has what was expected, what was found and
  what to do. `drain_rejections` has the same.
* **If `lost_offsets` is not empty**, records were deleted before they were drained. `kafka_losses`
  has their range, and the audit repairs what the exchange still has.
* **If `caught_up` is false** in several runs, more records arrive than one run can write
  (`PIPELINE_DRAIN_MAX_S`). Run `python -m include.warehouse.drain` in addition.
* **If a run is late**, not finished five minutes after it was queued, the triggerer logs
  `run.late`.
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
