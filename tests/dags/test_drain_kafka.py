"""`drain_kafka` run by Airflow on real Kafka and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include import wire
from include.broker.records import Outgoing
from include.broker.writer import TransactionalWriter
from include.errors import Unavailable
from include.settings import PREFIX, Settings
from include.warehouse.connection import connect
from tests.warehouse.market import history

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = [
    pytest.mark.usefixtures("metadata_database"),
    # Airflow's in-process API imports starlette's test client, which deprecates this httpx.
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient` is deprecated"),
]


def run(dag: "DAG", minute: int) -> tuple[str, object]:
    """Run the DAG once in this process; return its state and the counts."""
    # Airflow 3.3.2's dag.test fails on a DAG with a deadline that it has stored unchanged before
    deadline, dag.deadline = dag.deadline, None
    try:
        finished = dag.test(logical_date=datetime(2026, 1, 1, 0, minute, tzinfo=UTC))
    finally:
        dag.deadline = deadline
    (instance,) = finished.get_task_instances()
    return str(finished.state), instance.xcom_pull(task_ids=instance.task_id)


def test_returns_its_counts_and_a_repetition_changes_nothing(
    settings: Settings, dags: "dict[str, DAG]", airflow_environment: None
):
    events = history(seed=6, batches=6)
    writer = TransactionalWriter(settings, "test-dag")
    writer.write(
        [
            Outgoing(settings.topic_market, event.symbol.encode(), wire.encode(event))
            for event in events
        ]
    )
    writer.close()

    first_state, first = run(dags["drain_kafka"], 1)
    second_state, second = run(dags["drain_kafka"], 2)

    assert (first_state, second_state) == ("success", "success")
    assert first["trades"] == 6 * 40
    assert (first["snapshots"], first["candles"], first["caught_up"]) == (6, 6, True)
    assert (second["records"], second["trades"], second["caught_up"]) == (0, 0, True)
    assert first["offsets"] == second["offsets"]
    with connect(settings, application="test") as connection:
        assert connection.execute("SELECT count(*) FROM trades").fetchone() == (240,)


def test_misconfiguration_fails_without_a_retry(
    dags: "dict[str, DAG]", airflow_environment: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"{PREFIX}TOPIC_MARKET", "no.such.topic")

    finished = dags["drain_kafka"].test(logical_date=datetime(2026, 1, 1, 0, 3, tzinfo=UTC))

    (instance,) = finished.get_task_instances()
    assert (str(finished.state), str(instance.state)) == ("failed", "failed")
    assert instance.max_tries == 5
    assert instance.try_number == 1
    with pytest.raises(AirflowFailException, match=r"^topic no\.such\.topic is missing"):
        callable_of(dags)()


@pytest.mark.fault(11)
def test_an_unavailable_server_is_retried(
    dags: "dict[str, DAG]", airflow_environment: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_MARKET", "postgresql://market_writer@127.0.0.1:1/market")

    with pytest.raises(Unavailable, match=r"connection `market`.*port 1 failed"):
        callable_of(dags)()


def callable_of(dags: "dict[str, DAG]") -> Callable[[], object]:
    (task,) = dags["drain_kafka"].tasks
    return task.python_callable
