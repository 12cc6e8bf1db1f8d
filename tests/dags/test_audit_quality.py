"""`audit_quality` run by Airflow itself: it fails where something that must hold does not."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from include.settings import Settings
from include.warehouse.connection import connect

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = [
    pytest.mark.usefixtures("metadata_database", "airflow_environment"),
    # Airflow's in-process API imports starlette's test client, which wants another httpx.
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient` is deprecated"),
]
SNAPSHOT = (
    "INSERT INTO crypto_prices"
    " (exchange, symbol, timestamp, close, vwap, session_low, session_high)"
    " VALUES ('binance', 'BTC/USDT', %s, 100, %s, 90, 110)"
)


def run(dag: "DAG", minute: int) -> dict[str, str]:
    """Run the DAG once in this process; return how each task, and the run, ended."""
    finished = dag.test(logical_date=datetime(2026, 1, 1, 0, minute, tzinfo=UTC))
    ended = {task.task_id: str(task.state) for task in finished.get_task_instances()}
    return {**ended, "run": str(finished.state)}


def test_a_warning_does_not_fail_it_and_what_must_hold_does(
    settings: Settings, dags: "dict[str, DAG]"
):
    at = datetime.now(UTC) - timedelta(minutes=20)
    with connect(settings, application="test") as writer:
        writer.execute(SNAPSHOT, [at, 100])  # its book has no two sides: a warning
        warned = run(dags["audit_quality"], 0)
        writer.execute(SNAPSHOT, [at + timedelta(seconds=1), 200])
        failed = run(dags["audit_quality"], 5)
        found = writer.execute(
            'SELECT DISTINCT "check", severity FROM quality_results WHERE failing > 0 ORDER BY 1'
        ).fetchall()

    assert warned == {"prove": "success", "check": "success", "run": "success"}
    assert failed == {"prove": "success", "check": "failed", "run": "failed"}
    assert found == [("book_not_crossed", "warn"), ("session_vwap_within_range", "must")]


def test_storage_is_kept_by_three_tasks_that_wait_for_nobody(dags: "dict[str, DAG]"):
    for name in ("postgres", "influxdb"):
        dags["maintain_storage"].get_task(name).python_callable()

    assert dags["maintain_storage"].get_task("influxdb").python_callable() is False
    assert all(not task.upstream_task_ids for task in dags["maintain_storage"].tasks)
