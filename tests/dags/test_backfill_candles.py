"""`backfill_candles` run by Airflow on the simulated exchange and real PostgreSQL."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.exchange.registry import EXCHANGES
from include.settings import PREFIX, Settings
from include.warehouse.connection import Connection, connect
from local.free_ports import FreePorts
from local.startup import POOLS
from tests.chaos.pipeline import simulator
from tests.dags.conftest import ROOT

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = [
    pytest.mark.usefixtures("metadata_database"),
    # Airflow's in-process API imports starlette's test client, which deprecates this httpx.
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient` is deprecated"),
]


@pytest.fixture
def exchange(
    airflow_environment: None,
    free_ports: FreePorts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    port = free_ports.ports().simulator
    with simulator(port, tmp_path, module="include.simulator") as url:  # it has a long history
        monkeypatch.setenv(f"{PREFIX}EXCHANGE_URL", url)
        yield url


@pytest.fixture
def writer(settings: Settings) -> Iterator[Connection]:
    with connect(settings, application="test") as connection:
        yield connection


def run(dag: "DAG", day: int, **conf: object) -> tuple[str, dict[str, int] | None]:
    """Run the DAG for a day of November 2026; return its state and the counts."""
    finished = dag.test(logical_date=datetime(2026, 11, day, tzinfo=UTC), run_conf=conf or None)
    (candles,) = [i for i in finished.get_task_instances() if i.task_id == "candles"]
    return str(finished.state), candles.xcom_pull(task_ids="candles")


def days(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT symbol, (open_ts AT TIME ZONE 'UTC')::date::text, count(*), count(DISTINCT open_ts)"
        " FROM candles GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()


def test_days_of_all_configured_markets_and_a_repetition_changes_nothing(
    dags: "dict[str, DAG]", exchange: str, writer: Connection
):
    dag = dags["backfill_candles"]

    first = [run(dag, day) for day in (1, 2)]
    again = run(dag, 1)

    assert [state for state, _ in [*first, again]] == ["success"] * 3
    assert [done["inserted"] for _, done in first] == [2880, 2880]
    assert [done["requests"] for _, done in first] == [4, 4]  # ceil(1440 / 1000) a symbol
    assert (again[1]["inserted"], again[1]["revised"], again[1]["unchanged"]) == (0, 0, 2880)
    assert len({(row[2], row[3]) for row in days(writer)}) == 1
    assert days(writer)[0][2:] == (1440, 1440)
    assert writer.execute(
        "SELECT count(*) FROM candles"
        " INNER JOIN indicators USING (exchange, symbol, width_s, open_ts)"
    ).fetchone() == (4 * 1440,)


def test_the_form_accepts_any_window_of_any_symbol(
    dags: "dict[str, DAG]", exchange: str, writer: Connection
):
    state, done = run(
        dags["backfill_candles"],
        3,
        symbols=["LRC/BTC"],
        **{"from": "2026-10-05T22:00:00Z", "to": "2026-10-06T01:30:00Z"},
    )

    assert (state, done["inserted"]) == ("success", 210)
    assert days(writer) == [
        ("LRC/BTC", "2026-10-05", 120, 120),
        ("LRC/BTC", "2026-10-06", 90, 90),
    ]


def test_an_unknown_symbol_fails_without_a_retry(dags: "dict[str, DAG]", exchange: str):
    finished = dags["backfill_candles"].test(
        logical_date=datetime(2026, 11, 4, tzinfo=UTC), run_conf={"symbols": ["BTC/USD"]}
    )

    (instance,) = [i for i in finished.get_task_instances() if i.task_id == "candles"]
    assert (str(finished.state), str(instance.state)) == ("failed", "failed")
    assert instance.try_number == 1


def test_the_form_offers_each_supported_exchange(dags: "dict[str, DAG]"):
    schema = dags["backfill_candles"].params.get_param("exchange").schema

    assert set(schema["enum"]) == {None, *EXCHANGES}


def test_every_pool_of_a_task_exists(dags: "dict[str, DAG]"):
    named = {task.pool for dag in dags.values() for task in dag.tasks} - {"default_pool"}

    assert named == set(json.loads(POOLS.read_text()))
    assert POOLS.is_relative_to(ROOT)
