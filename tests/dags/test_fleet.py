"""Rules for every DAG."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import fleet
import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from include.errors import Unavailable
from tests.dags.conftest import ROOT

if TYPE_CHECKING:
    from airflow.sdk import DAG

FILES = sorted((ROOT / "dags").glob("*.py"))
TIERS = {"tier-1", "tier-2", "tier-3"}
HEAVY = [
    "pandas",
    "pandas_ta",
    "ccxt",
    "psycopg",
    "kafka",
    "influxdb_client",
    "msgspec",
    "sqlalchemy.orm",
]


def test_each_file_defines_the_dag_of_its_name(dags: "dict[str, DAG]"):
    assert FILES
    assert {path.stem for path in FILES} == set(dags)


def test_has_a_page_with_inputs_outputs_and_failures(dags: "dict[str, DAG]"):
    for name, dag in dags.items():
        page = dag.doc_md or ""
        assert page.strip().startswith(f"### {name}"), name
        for heading in ("* **Reads** ", "* **Writes** ", "* **If it fails** "):
            assert page.count(heading) == 1, (name, heading)


def test_has_an_owner_and_one_tier(dags: "dict[str, DAG]"):
    for name, dag in dags.items():
        assert len(TIERS & set(dag.tags)) == 1, name
        assert all(task.owner != "airflow" for task in dag.tasks), name


def test_has_limits(dags: "dict[str, DAG]"):
    """Retries, timeouts and concurrent runs are explicit."""
    for name, dag in dags.items():
        assert dag.catchup is False, name
        assert dag.max_active_runs == 1, name
        assert dag.tasks, name
        for task in dag.tasks:
            assert task.retries, (name, task.task_id)
            assert task.retry_exponential_backoff, (name, task.task_id)
            assert task.execution_timeout, (name, task.task_id)
            assert task.max_retry_delay, (name, task.task_id)
            assert task.retry_policy is fleet.DEFAULTS["retry_policy"], (name, task.task_id)
            assert fleet.report_failure in task.on_failure_callback, (name, task.task_id)
            assert dag.dagrun_timeout > task.execution_timeout, (name, task.task_id)


def test_a_schedule_has_data_intervals(dags: "dict[str, DAG]"):
    """In Airflow 3, a bare cron string gives intervals of zero width."""
    from airflow.sdk import CronDataIntervalTimetable

    scheduled = {
        name: dag.timetable for name, dag in dags.items() if dag.timetable.can_be_scheduled
    }

    assert scheduled
    for name, timetable in scheduled.items():
        assert isinstance(timetable, CronDataIntervalTimetable), name


def test_written_tables_are_assets(dags: "dict[str, DAG]"):
    outlets = [asset.name for task in dags["drain_kafka"].tasks for asset in task.outlets]

    assert outlets == ["crypto_prices", "trades", "candles", "gaps", "dead_letters"]


def test_a_failed_drain_is_retried_within_its_run(dags: "dict[str, DAG]"):
    (task,) = dags["drain_kafka"].tasks

    assert task.retries * task.max_retry_delay < timedelta(minutes=10)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_parsing_imports_no_heavy_module(path: Path):
    """Airflow parses often: parsing imports neither heavy modules nor the pipeline."""
    code = (
        "import sys, runpy, airflow.sdk; from airflow.sdk import Asset, CronDataIntervalTimetable;"
        f"before = set(sys.modules); runpy.run_path({str(path)!r});"
        f"new = set(sys.modules) - before;"
        f"print(*[m for m in new if m in {HEAVY} or m.startswith('include.')])"
    )

    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment
    )

    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_waits_for_the_time_of_retry_after():
    delayed = fleet.ByDuty().evaluate(Unavailable("busy", retry_after_s=90), 1, 5)
    default = fleet.ByDuty().evaluate(Unavailable("away"), 1, 5)

    assert (delayed.action, delayed.retry_delay) == (RetryAction.RETRY, timedelta(seconds=90))
    assert default.action is RetryAction.DEFAULT


def test_a_late_drain_is_reported(dags: "dict[str, DAG]"):
    (alert,) = dags["drain_kafka"].deadline

    assert alert.interval == timedelta(minutes=5)
    assert alert.callback.path == "fleet.report_late"
