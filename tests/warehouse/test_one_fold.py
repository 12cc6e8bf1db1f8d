"""One fold, two sinks: `crypto_prices` is InfluxDB's, whatever happened to the drains."""

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
from include.warehouse.drain import Drained, drain
from include.warehouse.restart import restart
from tests.waiting import eventually
from tests.warehouse.comparison import expected, found, logged
from tests.warehouse.conftest import Producer, count, rows
from tests.warehouse.market import START_MS, evening, snapshot


@pytest.fixture
def produced(producer: Producer) -> list[Event]:
    """An evening of three markets, in transactions of which some are aborted."""
    events = evening(seed=12)
    for first in range(0, len(events), 300):
        producer.send(events[first : first + 300])
        producer.send_and_abort(events[first : first + 20])
    return events


def small(settings: Settings, most: int) -> Settings:
    return settings.model_copy(update={"drain_max_rows": most})


def test_every_kpi_is_that_of_the_same_log_folded_at_once(
    settings: Settings, produced: list[Event], writer: Connection
):
    told = [event for event in produced if isinstance(event, MarketSnapshot)]
    wanted = expected(logged(settings))

    drained = drain(writer, settings)

    assert found(writer) == wanted == expected(produced)
    assert drained.snapshots == len(wanted["crypto_prices"]) < len(told)
    assert drained.snapshots + drained.duplicates >= len(told)
    said = rows(
        writer, f"SELECT {', '.join(f'count({name})' for name in NAMES)} FROM crypto_prices"
    )
    assert min(said[0]) > 0, dict(zip(NAMES, said[0], strict=True))
    assert rows(writer, "SELECT DISTINCT macd_ready FROM crypto_prices ORDER BY 1") == [(0,), (1,)]


def test_a_drain_a_minute_remembers_as_one(
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


def test_killed_overtaken_and_started_over_they_remember_as_one(
    settings: Settings,
    pipeline_environment: dict[str, str],
    produced: list[Event],
    writer: Connection,
    owner: Connection,
):
    """Two processes killed at random while two threads drain; then all of it once more."""
    chance = random.Random(7)

    def run(most: int) -> Drained:
        with connect(settings, application="test") as connection:
            return drain(connection, small(settings, most))

    killed = [start(pipeline_environment | {"PIPELINE_DRAIN_MAX_ROWS": "3"}) for _ in range(2)]
    before = await_progress(writer, killed)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(run, most) for most in (5, 40)]
        for process in killed:
            time.sleep(chance.uniform(0, 0.2))  # the moment of the fault, not a wait
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
    """Return the sum of the offsets once something was committed."""

    def reached() -> int:
        assert all(process.poll() is None for process in processes), "a drain ended by itself"
        return int(str(rows(connection, "SELECT sum(next_offset) FROM kafka_offsets")[0][0] or 0))

    return eventually(reached, "the drains to commit something", timeout_s=30, pause_s=0.005)


def test_the_state_moves_with_the_rows_or_not_at_all(
    settings: Settings,
    produced: list[Event],
    writer: Connection,
    monkeypatch: pytest.MonkeyPatch,
):
    """Cut the connection after the state was stored, before the commit, now and then."""
    move, chance, cuts = offsets.move, random.Random(3), []

    def cut(connection: Connection, *moved: object) -> None:
        move(connection, *moved)  # type: ignore[arg-type]
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


def test_a_snapshot_told_again_is_a_duplicate(
    settings: Settings, producer: Producer, writer: Connection
):
    producer.send([snapshot(ts_ms=START_MS + n, close=1.0 + n) for n in (5, 5, 3, 6)])

    drained = drain(writer, settings)

    assert (drained.snapshots, drained.duplicates, drained.records) == (2, 2, 4)
    assert rows(writer, "SELECT close FROM crypto_prices ORDER BY 1") == [(6.0,), (7.0,)]


def test_another_drain_done_between_two_questions_is_no_topic_made_again(
    settings: Settings, producer: Producer, writer: Connection, monkeypatch: pytest.MonkeyPatch
):
    """The log grows and another drain stores its new end, after this one asked where it ends."""
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

    place = offsets.stored(writer, settings.topic_market, {})[0]
    read = place.state["x"]
    assert [type(x) for x in read] == [float] * len(floats)
    assert [struct.pack(">d", x) for x in read] == [struct.pack(">d", x) for x in floats]


def test_a_state_of_another_version_is_the_users_to_fix_as_the_message_says(
    settings: Settings, produced: list[Event], writer: Connection, owner: Connection
):
    drain(writer, settings)
    owner.execute("""UPDATE kafka_offsets SET fold = '{"binance:BTC/USDT": {"old": 1}}'""")

    with pytest.raises(
        Misconfigured, match=r"a fold's state of this version.*make restart-drain"
    ) as e:
        drain(writer, settings)

    assert "\n" not in str(e.value)
    restart(writer, settings)
    assert drain(writer, settings).caught_up
    assert found(writer) == expected(produced)
    assert count(writer, "kafka_losses") == 0


def test_rows_equal_the_points_the_consumer_wrote(
    settings: Settings,
    pipeline_environment: dict[str, str],
    influx_reader_token_file: Path,
    producer: Producer,
    writer: Connection,
):
    """Two consumers and two drains, each resuming where one was: equal in every field."""
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
    """Run the live consumer until InfluxDB has so many points, then end it in good order."""
    command = [sys.executable, "-m", "include.streaming.consumer"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def has_points() -> bool:
        assert process.poll() is None, process.communicate()
        return len(points_of(client, settings)) >= wanted

    try:
        eventually(has_points, f"{wanted} points")
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
