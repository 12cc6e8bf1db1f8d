"""
### backfill_candles

Fetches a day of closed one-minute candles from the exchange's history into PostgreSQL, then
computes their indicators. For past days, run `airflow dags backfill -s 2026-11-01 -e 2026-11-03
backfill_candles`. For any other window, use the form of *Trigger*.

* **Reads** the exchange's klines, 1,000 per request, through pool `exchange`. The default is the
  markets of `PIPELINE_MARKETS` and the run's data interval; parameters override both.
* **Writes** `candles`, `candle_revisions` (replaced values of revised candles), `candle_holes`
  (minutes without a candle at the exchange), and `indicators` of the window and of later minutes
  that depend on it. A page of candles is one transaction, and so are the indicators of up to 100
  days. A killed run can be repeated.
* **If it fails** let it retry: the exchange's history stays available. If it fails without a
  retry, an operator has to act: the last line of the task's log has what was expected, what was
  found and what to do. Then *Clear* the run, or run
  `airflow dags backfill ... --rerun-failed-tasks`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import fleet
from airflow.sdk import CronDataIntervalTimetable, Param, dag, task

TABLES = fleet.assets("candles", "candle_revisions", "candle_holes")

PARAMS = {
    "exchange": Param(
        None,
        type=["null", "string"],
        enum=[None, "binance", "binanceus"],
        description="Empty: all exchanges of PIPELINE_MARKETS",
    ),
    "symbols": Param(
        [],
        type="array",
        items={"type": "string"},
        description="One per line, such as BTC/USDT. Empty: all of PIPELINE_MARKETS",
    ),
    "from": Param(
        None,
        type=["null", "string"],
        format="date-time",
        description="First minute, UTC. Empty: the run's data interval",
    ),
    "to": Param(
        None,
        type=["null", "string"],
        format="date-time",
        description="End of the last minute, UTC. Empty: now, if `from` is given",
    ),
    "interval": Param("1m", enum=["1m"], description="Width of the candles"),
}


@dag(
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2017, 7, 14, tzinfo=UTC),  # Binance's first day
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args=fleet.DEFAULTS,
    params=PARAMS,
    tags=["backfill", "tier-2"],
    doc_md=__doc__,
)
def backfill_candles() -> None:
    @task(outlets=TABLES, pool=fleet.EXCHANGE_POOL, execution_timeout=timedelta(hours=1))
    def candles(
        params: dict[str, object],
        data_interval_start: datetime | None = None,
        data_interval_end: datetime | None = None,
    ) -> dict[str, Any]:
        """Fetch the candles; return their markets, the window in ms and the counts."""
        import dataclasses

        import structlog

        from include.history.backfill_request import parse_request
        from include.history.candles import fetch

        interval = data_interval_start and (data_interval_start, data_interval_end)
        with fleet.open_market() as (connection, settings):
            request = parse_request(params, interval, settings.markets, datetime.now(UTC))
            done = fetch(connection, settings, request, source="backfill").counts()
        structlog.get_logger().info("backfill.done", **done)
        return dataclasses.asdict(request) | done

    @task(outlets=fleet.assets("indicators"), execution_timeout=timedelta(hours=1))
    def indicators(fetched: dict[str, Any]) -> dict[str, int]:
        """Compute all indicators that depend on the candles; return the counts."""
        from include.history.indicators import recompute
        from include.kpis.records import MarketKey

        markets = [MarketKey(*market) for market in fetched["markets"]]
        from_ms, until_ms = fetched["from_ms"], fetched["until_ms"]
        return fleet.counted(
            "recompute.done",
            lambda connection, _: recompute(connection, markets, from_ms, until_ms),
        )

    indicators(candles())


backfill_candles()
