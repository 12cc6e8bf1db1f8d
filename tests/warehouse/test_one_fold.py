"""One fold, two sinks: `crypto_prices` equals InfluxDB's points after any fault of the drain."""

import json
import random
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from influxdb_client import InfluxDBClient

from include.broker.log_reader import LogReader
from include.errors import Misconfigured, Unavailable
from include.kpis.records import Event, MarketSnapshot
from include.kpis.registry import NAMES
from include.settings import Settings
from include.warehouse import offsets
from include.warehouse.connection import Connection, connect
from include.warehouse.drain import DrainResult, drain
from include.warehouse.reset_offsets import reset_offsets
from tests.waiting import eventually
from tests.warehouse.comparison import expected, found, logged
from tests.warehouse.conftest import Producer, count, rows
from tests.warehouse.market import START_MS, evening, snapshot


@pytest.fixture
def produced(producer: Producer) -> list[Event]:
    """Several hours of three markets, with some aborted transactions."""
    events = evening(seed=12)
    for first in range(0, len(events), 300):
        producer.send(events[first : first + 300])
        producer.send_and_abort(events[first : first + 20])
    return events


def small(settings: Settings, most: int) -> Settings:
    return settings.model_copy(update={"drain_max_rows": most})


def test_every_kpi_equals_that_of_the_log_folded_in_one_go(
    settings: Settings, produced: list[Event], writer: Connection
):
    snapshots = [event for event in produced if isinstance(event, MarketSnapshot)]
    wanted = expected(logged(settings))

    drained = drain(writer, settings)

    assert found(writer) == wanted == expected(produced)
    assert drained.snapshots == len(wanted["crypto_prices"]) < len(snapshots)
    assert drained.snapshots + drained.duplicates >= len(snapshots)
    output = rows(
        writer, f"SELECT {', '.join(f'count({name})' for name in NAMES)} FROM crypto_prices"
    )
    assert min(output[0]) > 0, dict(zip(NAMES, output[0], strict=True))
    assert rows(writer, "SELECT DISTINCT macd_ready FROM crypto_prices ORDER BY 1") == [(0,), (1,)]


def test_a_drain_per_minute_folds_as_a_single_drain(
    settings: Settings, producer: Producer, writer: Connection
):
    events, chance = evening(seed=13), random.Random(13)
    sent = runs = 0
    while sent < len(events):
        size = chance.randrange(1, 200)
        producer.send(events[sent : sent + size])
        sent, runs = sent + size, runs + 1
        assert drain(writer, small(settings, chance.choice((7, 60, 50_000)))).caught_up

    assert runs > 8
    assert found(writer) == expected(events)


def test_killed_overtaken_and_repeated_drains_fold_as_a_single_drain(
    settings: Settings,
    pipeline_environment: dict[str, str],
    produced: list[Event],
    writer: Connection,
    owner: Connection,
):
    """Kill two processes at random while two threads drain, then drain again from the beginning."""
    chance = random.Random(7)

    def run(most: int) -> DrainResult:
        with connect(settings, application="test") as connection:
            return drain(connection, small(settings, most))

    killed = [start(pipeline_environment | {"PIPELINE_DRAIN_MAX_ROWS": "3"}) for _ in range(2)]
    before = await_progress(writer, killed)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(run, most) for most in (5, 40)]
        for process in killed:
            time.sleep(chance.uniform(0, 0.2))  # the time of the fault, not a wait
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=10)
        drained = [future.result() for future in running]
    once = found(writer)
    owner.execute("DELETE FROM kafka_offsets")
    again = run(700)

    assert 0 < before < sum(int(n) for n in again.offsets.values())
    assert [process.returncode for process in killed] == [-signal.SIGKILL] * 2
    assert [one.caught_up for one in drained] == [True, True]
    assert once == found(writer) == expected(produced)
    assert (again.records, again.snapshots, again.trades) == (len(produced), 0, 0)


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "include.warehouse.drain"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_progress(connection: Connection, processes: list[subprocess.Popen[str]]) -> int:
    """Return the sum of the offsets after the first commit."""

    def reached() -> int:
        assert all(process.poll() is None for process in processes), "a drain ended by itself"
        return int(str(rows(connection, "SELECT sum(next_offset) FROM kafka_offsets")[0][0] or 0))

    return eventually(reached, "the drains to commit something", timeout_s=30, pause_s=0.005)


def test_the_state_is_committed_with_the_rows(
    settings: Settings,
    produced: list[Event],
    writer: Connection,
    monkeypatch: pytest.MonkeyPatch,
):
    """Terminate some connections after the state is stored and before the commit."""
    move, chance, cuts = offsets.move, random.Random(3), []

    def cut(connection: Connection, *moved: object) -> None:
        move(connection, *moved)  # type: ignore[arg-type]  # passed on as they came
        if chance.random() < 0.3:
            cuts.append(connection.info.backend_pid)
            writer.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])

    monkeypatch.setattr(offsets, "move", cut)
    is_done = False
    while not is_done:
        with connect(settings, application="victim") as victim:
            try:
                is_done = drain(victim, small(settings, 250)).caught_up
            except Unavailable:
                continue

    assert len(cuts) > 3
    assert found(writer) == expected(produced)


def test_a_repeated_snapshot_is_a_duplicate(
    settings: Settings, producer: Producer, writer: Connection
):
    producer.send([snapshot(ts_ms=START_MS + n, close=1.0 + n) for n in (5, 5, 3, 6)])

    drained = drain(writer, settings)

    assert (drained.snapshots, drained.duplicates, drained.records) == (2, 2, 4)
    assert rows(writer, "SELECT close FROM crypto_prices ORDER BY 1") == [(6.0,), (7.0,)]


def test_a_drain_finished_between_two_requests_is_not_a_recreated_topic(
    settings: Settings, producer: Producer, writer: Connection, monkeypatch: pytest.MonkeyPatch
):
    """After this drain read the log's end, the log grows and another drain stores the new end."""
    producer.send([snapshot(ts_ms=START_MS)])
    ends, others = LogReader.ends, []

    def grown_since(reader: LogReader) -> dict[int, int]:
        answer = ends(reader)
        if not others:
            others.append(None)
            producer.send([snapshot(ts_ms=START_MS + 1)])
            with connect(settings, application="test") as second:
                others[0] = drain(second, settings)
        return answer

    monkeypatch.setattr(LogReader, "ends", grown_since)

    mine = drain(writer, settings)

    assert (others[0].snapshots, mine.snapshots, mine.caught_up) == (2, 0, True)
    assert mine.offsets == others[0].offsets


def test_a_stored_state_keeps_every_bit(settings: Settings, writer: Connection):
    floats = [-0.0, 0.1, 1e22, 5e-324, 1.7976931348623157e308, 2.5, 1 / 3]
    drain(writer, settings)

    offsets.move(writer, settings.topic_market, {0: 0}, {0: json.dumps({"x": floats})})

    place = offsets.load_positions(writer, settings.topic_market, {})[0]
    read = place.state["x"]
    assert [type(x) for x in read] == [float] * len(floats)
    assert [struct.pack(">d", x) for x in read] == [struct.pack(">d", x) for x in floats]


def test_a_state_of_another_version_is_misconfigured_until_a_reset(
    settings: Settings, produced: list[Event], writer: Connection, owner: Connection
):
    drain(writer, settings)
    owner.execute("""UPDATE kafka_offsets SET fold = '{"binance:BTC/USDT": {"old": 1}}'""")

    with pytest.raises(
        Misconfigured, match=r"a fold's state of this version.*make reset-offsets"
    ) as e:
        drain(writer, settings)

    assert "\n" not in str(e.value)
    reset_offsets(writer, settings)
    assert drain(writer, settings).caught_up
    assert found(writer) == expected(produced)
    assert count(writer, "kafka_losses") == 0


def test_rows_equal_the_consumers_points(
    settings: Settings,
    pipeline_environment: dict[str, str],
    influx_reader_token_file: Path,
    producer: Producer,
    writer: Connection,
):
    """Two consumers and two drains, each resumed after the first: equal in every field."""
    events = evening(seed=14)
    half = len(events) * 2 // 3
    wanted = len(expected(events)["crypto_prices"])
    with InfluxDBClient(
        settings.influx_url, influx_reader_token_file.read_text().strip(), org=settings.influx_org
    ) as client:
        for piece in (events[:half], events[half:]):
            producer.send(piece)
            drain(writer, small(settings, 100))
            so_far = rows(writer, "SELECT count(*) FROM crypto_prices")[0][0]
            consume_until(client, settings, pipeline_environment, int(str(so_far)))
        points = points_of(client, settings)

    names = ", ".join(NAMES)
    stored = {}
    for exchange, symbol, ts_us, *values in rows(
        writer,
        f'SELECT exchange, symbol, (extract(epoch FROM "timestamp") * 1000000)::bigint, {names}'
        " FROM crypto_prices",
    ):
        fields = {n: v for n, v in zip(NAMES, values, strict=True) if v is not None}
        stored[exchange, symbol, ts_us] = {n: struct.pack(">d", v) for n, v in fields.items()}
    assert len(stored) == wanted
    assert points == stored


def points_of(client: InfluxDBClient, settings: Settings) -> dict[object, dict[str, bytes]]:
    """Return the fields of crypto_prices, as bits, by exchange, symbol and time in microseconds."""
    points: dict[object, dict[str, bytes]] = {}
    for table in client.query_api().query(
        f'from(bucket: "{settings.influx_bucket}") |> range(start: 0)'
        ' |> filter(fn: (r) => r._measurement == "crypto_prices")'
    ):
        for r in table.records:
            key = r["exchange"], r["symbol"], round(r.get_time().timestamp() * 1_000_000)
            points.setdefault(key, {})[r.get_field()] = struct.pack(">d", r.get_value())
    return points


def consume_until(
    client: InfluxDBClient, settings: Settings, environment: dict[str, str], wanted: int
) -> None:
    """Run the live consumer until InfluxDB has the given number of points, then stop it."""
    command = [sys.executable, "-m", "include.streaming.consumer"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def has_points() -> bool:
        assert process.poll() is None, process.communicate()
        return len(points_of(client, settings)) >= wanted

    try:
        eventually(has_points, f"{wanted} points")
    finally:
        process.terminate()
        _, output = process.communicate(timeout=30)
    assert process.returncode == 0, output
