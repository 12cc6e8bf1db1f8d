"""Killed and concurrent drains, lost connections: the rows equal the produced events."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from include.errors import Exit, Unavailable
from include.kpis.records import Event
from include.settings import Settings
from include.warehouse import load
from include.warehouse.connection import Connection, connect
from include.warehouse.drain import DrainResult, drain
from include.warehouse.rows import Entry
from tests.waiting import eventually
from tests.warehouse.comparison import expected, found
from tests.warehouse.conftest import Producer, rows
from tests.warehouse.market import history

BATCHES, TRADES = 90, 200


@pytest.fixture
def produced(producer: Producer) -> list[Event]:
    events = history(seed=9, batches=BATCHES, trades_per_batch=TRADES)
    for first in range(0, len(events), 90):
        producer.send(events[first : first + 90])
        producer.send_and_abort(events[:3])
    return events


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "include.warehouse.drain"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_complete(connection: Connection, produced: list[Event]) -> None:
    """Assert that the rows are those of a single fold over all events."""
    read = found(connection)
    assert {table: len(rows) for table, rows in read.items()} == {
        "trades": BATCHES * TRADES,
        "candles": BATCHES,
        "crypto_prices": BATCHES,
    }
    assert read == expected(produced)
    assert rows(connection, "SELECT count(*) FROM dead_letters") == [(0,)]
    remembering = "SELECT count(*) FROM crypto_prices WHERE vwap > 0 AND macd_signal IS NOT NULL"
    assert rows(connection, remembering) == [(BATCHES - 3,)]  # all but the first of each market


def test_the_command_prints_its_counts_as_one_line(
    pipeline_environment: dict[str, str], produced: list[Event]
):
    process = start(pipeline_environment)
    out, error = process.communicate(timeout=60)

    assert (process.returncode, error) == (Exit.OK, "")
    assert out.count("\n") == 1
    counts = json.loads(out)
    assert (counts["trades"], counts["records"]) == (BATCHES * TRADES, BATCHES * 3)
    assert counts["caught_up"] is True


def test_errors_of_the_command_are_one_line(pipeline_environment: dict[str, str]):
    cases = (
        (Exit.UNAVAILABLE, {"PIPELINE_POSTGRES_PORT": "1"}),
        (Exit.UNAVAILABLE, {"PIPELINE_KAFKA_BOOTSTRAP": "127.0.0.1:1"}),
        (Exit.MISCONFIGURED, {"PIPELINE_TOPIC_MARKET": "no.such.topic"}),
        (Exit.MISCONFIGURED, {"PIPELINE_POSTGRES_DATABASE": "nowhere"}),
        (Exit.MISCONFIGURED, {"PIPELINE_DRAIN_MAX_ROWS": "0"}),
    )
    processes = [(code, start(pipeline_environment | wrong)) for code, wrong in cases]
    for code, process in processes:
        out, error = process.communicate(timeout=60)

        assert (process.returncode, out) == (code, ""), error
        assert error.startswith("drain: ")
        assert error.count("\n") == 1


@pytest.mark.fault(27)
def test_killed_at_any_point_and_repeated_it_is_exactly_once(
    settings: Settings,
    pipeline_environment: dict[str, str],
    produced: list[Event],
    writer: Connection,
):
    """Kill at a random time between two commits, then finish."""
    slow = pipeline_environment | {"PIPELINE_DRAIN_MAX_ROWS": "2"}
    chance = random.Random(5)
    kills = 0
    for _ in range(6):
        before = progress(writer)
        process = start(slow)
        await_progress(writer, before, process)
        time.sleep(chance.uniform(0, 0.03))  # the time of the fault, not a wait
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        kills += process.returncode == -signal.SIGKILL

    last = drain(writer, settings)

    assert kills == 6
    assert last.caught_up
    assert 0 < last.trades < BATCHES * TRADES
    assert_complete(writer, produced)


def progress(connection: Connection) -> object:
    return rows(connection, "SELECT coalesce(sum(next_offset), 0) FROM kafka_offsets")[0][0]


def await_progress(connection: Connection, before: object, process: subprocess.Popen[str]) -> None:
    """Wait until the drain has committed a batch and works on the next one."""

    def has_moved() -> bool:
        assert process.poll() is None, process.communicate()
        return progress(connection) != before

    eventually(has_moved, "the drain to commit something", timeout_s=30, pause_s=0.005)


@pytest.mark.fault(28)
def test_concurrent_drains_take_turns(
    settings: Settings, produced: list[Event], writer: Connection
):
    small = settings.model_copy(update={"drain_max_rows": 2})

    def run() -> DrainResult:
        with connect(settings, application="test") as connection:
            return drain(connection, small)

    with ThreadPoolExecutor() as pool:
        drained = [future.result() for future in [pool.submit(run) for _ in range(3)]]

    assert [run.caught_up for run in drained] == [True] * 3
    assert sum(run.trades for run in drained) == BATCHES * TRADES
    assert sum(run.records for run in drained) == BATCHES * 3
    assert sum(run.duplicates for run in drained) == 0
    assert_complete(writer, produced)


@pytest.mark.fault(28)
def test_an_overtaken_drain_continues_from_the_other_drains_position(
    settings: Settings, produced: list[Event], writer: Connection, monkeypatch: pytest.MonkeyPatch
):
    """Another drain writes everything between the read and the write of this one."""
    ensure, others = load.ensure_partitions, []

    def overtaken(connection: Connection, entries: list[Entry]) -> None:
        ensure(connection, entries)
        if not others:
            others.append(None)
            with connect(settings, application="test") as second:
                others[0] = drain(second, settings)

    monkeypatch.setattr(load, "ensure_partitions", overtaken)

    mine = drain(writer, settings)

    assert others[0].trades == BATCHES * TRADES
    assert (mine.records, mine.trades, mine.caught_up) == (0, 0, True)
    assert mine.offsets == others[0].offsets
    assert_complete(writer, produced)


@pytest.mark.fault(10)
def test_a_connection_lost_in_a_transaction_is_unavailable_and_leaves_no_row(
    settings: Settings, produced: list[Event], writer: Connection, monkeypatch: pytest.MonkeyPatch
):
    write = load.write

    def cut(connection: Connection, entries: list[Entry]) -> object:
        written = write(connection, entries)
        writer.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        return written

    monkeypatch.setattr(load, "write", cut)
    with (
        connect(settings, application="victim") as victim,
        pytest.raises(Unavailable, match="draining failed"),
    ):
        drain(victim, settings)

    assert rows(writer, "SELECT count(*) FROM trades") == [(0,)]
    assert rows(writer, "SELECT sum(next_offset) FROM kafka_offsets") == [(0,)]
    monkeypatch.undo()
    assert drain(writer, settings).caught_up
    assert_complete(writer, produced)


def test_a_lock_timeout_is_unavailable(settings: Settings, produced: list[Event]):
    with (
        connect(settings, application="holder") as holder,
        connect(settings, application="waiter") as waiter,
    ):
        drain(holder, settings.model_copy(update={"drain_max_s": 0.001, "drain_max_rows": 1}))
        with holder.transaction():
            holder.execute("SELECT FROM kafka_offsets FOR UPDATE")
            cancel = threading.Timer(1.0, holder_cancels, [settings, waiter.info.backend_pid])
            cancel.start()
            with pytest.raises(Unavailable, match="canceling statement"):
                drain(waiter, settings)
            cancel.join()


def holder_cancels(settings: Settings, pid: int) -> None:
    """Apply a lock_timeout that is shorter than 30 s."""
    with psycopg.connect(
        host=settings.postgres_host,
        port=settings.postgres_port,
        dbname=settings.postgres_database,
        user=settings.postgres_user,
        passfile=str(settings.postgres_passfile),
    ) as connection:
        connection.execute("SELECT pg_cancel_backend(%s)", [pid])
