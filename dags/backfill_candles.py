"""
### backfill_candles

Brings a day of closed one-minute candles from the exchange's history into PostgreSQL, then the
indicators that follow from them. `airflow dags backfill -s 2026-11-01 -e 2026-11-03
backfill_candles` does it for days of the past; the form of *Trigger* for any window.

* **Reads** the exchange's klines, 1,000 a request, through pool `exchange`: of the markets in
  `PIPELINE_MARKETS` and of the run's data interval, unless the parameters say otherwise.
* **Writes** `candles`; `candle_revisions`, the values that were there before, where the exchange
  now says otherwise; `candle_holes`, minutes the exchange has no candle of; then
  `indicators` of the window and of what comes after it. A page of candles is a transaction, a day
  of indicators too: a run killed anywhere and run again changes nothing twice.
* **If it fails** let it retry: the exchange's history does not go away. Failed without a retry, a
  person must act; the task's last line says what was expected, what was found and what to do.
  Then *Clear* the run, or `airflow dags backfill ... --rerun-failed-tasks`.
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
        description="Empty: every exchange that is followed",
    ),
    "symbols": Param(
        [],
        type="array",
        items={"type": "string"},
        description="One a line, such as BTC/USDT. Empty: all that are followed",
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
        description="End of the last minute, UTC. Empty, where `from` is given: now",
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
        """Bring the candles; return their markets, the window in ms and the counts."""
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
    def indicators(brought: dict[str, Any]) -> dict[str, int]:
        """Compute what the candles have a part in, however old they are; return the counts."""
        from include.history.indicators import recompute
        from include.kpis.records import MarketKey

        markets = [MarketKey(*market) for market in brought["markets"]]
        from_ms, until_ms = brought["from_ms"], brought["until_ms"]
        return fleet.counted(
            "recompute.done",
            lambda connection, _: recompute(connection, markets, from_ms, until_ms),
        )

    indicators(candles())


backfill_candles()
