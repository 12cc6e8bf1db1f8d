"""`audit_quality` run by Airflow: it fails if a check of severity error fails."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from include.settings import Settings
from include.warehouse.connection import connect

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = [
    pytest.mark.usefixtures("metadata_database", "airflow_environment"),
    # Airflow's in-process API imports starlette's test client, which deprecates this httpx.
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient` is deprecated"),
]
SNAPSHOT = (
    "INSERT INTO crypto_prices"
    " (exchange, symbol, timestamp, close, vwap, session_low, session_high)"
    " VALUES ('binance', 'BTC/USDT', %s, 100, %s, 90, 110)"
)


def run(dag: "DAG", minute: int) -> dict[str, str]:
    """Run the DAG once in this process; return the state of each task and of the run."""
    finished = dag.test(logical_date=datetime(2026, 1, 1, 0, minute, tzinfo=UTC))
    ended = {task.task_id: str(task.state) for task in finished.get_task_instances()}
    return {**ended, "run": str(finished.state)}


def test_a_check_of_severity_error_fails_the_run_and_a_warning_does_not(
    settings: Settings, dags: "dict[str, DAG]"
):
    at = datetime.now(UTC) - timedelta(minutes=20)
    with connect(settings, application="test") as writer:
        writer.execute(SNAPSHOT, [at, 100])  # its book has one side only: a warning
        warned = run(dags["audit_quality"], 0)
        writer.execute(SNAPSHOT, [at + timedelta(seconds=1), 200])
        failed = run(dags["audit_quality"], 5)
        found = writer.execute(
            'SELECT DISTINCT "check", severity FROM quality_results WHERE failing > 0 ORDER BY 1'
        ).fetchall()

    assert warned == {"prove": "success", "check": "success", "run": "success"}
    assert failed == {"prove": "success", "check": "failed", "run": "failed"}
    assert found == [("book_not_crossed", "warn"), ("session_vwap_within_range", "error")]


def test_retention_has_three_independent_tasks(dags: "dict[str, DAG]"):
    for name in ("postgres", "influxdb"):
        dags["maintain_storage"].get_task(name).python_callable()

    assert dags["maintain_storage"].get_task("influxdb").python_callable() is False
    assert all(not task.upstream_task_ids for task in dags["maintain_storage"].tasks)
