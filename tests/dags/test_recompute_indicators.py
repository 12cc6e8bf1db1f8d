"""`recompute_indicators` run by Airflow on real PostgreSQL and InfluxDB."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.settings import Settings
from include.warehouse.connection import connect
from tests.history.market import candles, store, streamed

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = [
    pytest.mark.usefixtures("metadata_database", "airflow_environment"),
    # Airflow's in-process API imports starlette's test client, which deprecates this httpx.
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient` is deprecated"),
]


def run(dag: "DAG", minute: int) -> dict[str, dict[str, object]]:
    """Run the DAG once in this process; return each task's counts."""
    finished = dag.test(logical_date=datetime(2026, 1, 1, 0, minute, tzinfo=UTC))
    assert str(finished.state) == "success"
    return {
        instance.task_id: instance.xcom_pull(task_ids=instance.task_id)
        for instance in finished.get_task_instances()
    }


def test_computes_compares_and_corrects_and_a_repetition_changes_nothing(
    settings: Settings, dags: "dict[str, DAG]"
):
    found = candles(minutes=300)
    with connect(settings, application="test") as connection:
        store(connection, found)
    influxdb = InfluxDB(settings)
    influxdb.write(lines.encode(p for n, p in enumerate(streamed(found)) if n != 150))
    influxdb.close()

    first = run(dags["recompute_indicators"], 5)
    second = run(dags["recompute_indicators"], 10)

    assert first["recompute"] == {"candles": 300, "computed": 300, "changed": 300}
    assert (first["reconcile"]["minutes"], first["reconcile"]["corrected"]) == (300, 1)
    assert first["reconcile"]["max_relative_difference"] <= 1e-9
    assert set(second["recompute"].values()) == {0}
    assert second["reconcile"]["minutes"] == second["reconcile"]["corrected"] == 0
