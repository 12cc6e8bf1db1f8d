"""Dead letters of both sinks: listed, replayed once, kept while they are rejected."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient

from include import wire
from include.broker.log_reader import LogReader
from include.broker.records import Record
from include.dead_letters import RecordPosition, list_lines, replay
from include.errors import BadRecord, Exit
from include.kpis.late_events import STATEFUL_CANDLE_FIELDS, STATEFUL_KPIS
from include.kpis.records import Event, Trades
from include.kpis.snapshot_kpis import compute_snapshot_kpis
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.drain import drain
from tests.warehouse.conftest import Producer, count, rows
from tests.warehouse.market import MARKETS, START_MS, candle, snapshot, trade

type Park = Callable[[Sequence[Record], str], None]

POISON = b'{"v":9,"\x1b[31m\r\n\xe2\x80\xae'


@pytest.fixture
def undecoded(
    settings: Settings, producer: Producer, writer: Connection, monkeypatch: pytest.MonkeyPatch
) -> list[Event]:
    """Dead letters of valid events, as from a drain with a bug, and of one invalid record."""
    big = tuple(trade(n, START_MS + n) for n in range(2_000))  # cut: more than 64 KB
    events: list[Event] = [snapshot(), candle(), Trades(*MARKETS[0], START_MS, big)]
    producer.send(events)
    producer.send_raw([POISON])

    def refuse(value: bytes | None) -> Event:
        raise BadRecord("expected a fix, found none")

    with monkeypatch.context() as patch:
        patch.setattr(wire, "decode", refuse)
        assert drain(writer, settings).dead_letters == 4
    return events


def test_after_a_fix_a_replay_stores_each_record_once(
    settings: Settings, undecoded: list[Event], writer: Connection
):
    first = list(replay(settings, writer))
    again = list(replay(settings, writer))

    assert sorted(r.outcome for r in first if r.is_done) == [
        "new rows of candles: 1",
        "new rows of crypto_prices: 1",
        "new rows of trades: 2000",
    ]
    (left,) = [r for r in first if not r.is_done]
    assert left.outcome.startswith("still rejected: ")
    assert [(r.letter.position, r.is_done) for r in again] == [(left.letter.position, False)]
    assert [count(writer, t) for t in ("crypto_prices", "candles", "trades")] == [1, 1, 2_000]
    assert (count(writer, "dead_letters"), count(writer, "dead_letter_replays")) == (4, 3)
    moved = drain(writer, settings)
    assert (moved.records, moved.caught_up) == (0, True)


def test_a_replayed_snapshot_has_only_the_kpis_it_determines(
    settings: Settings, undecoded: list[Event], writer: Connection
):
    list(replay(settings, writer))

    own = {
        name: value
        for name, value in compute_snapshot_kpis(snapshot()).items()
        if name not in STATEFUL_KPIS
    }
    names = sorted(own)
    assert rows(writer, f"SELECT {', '.join(names)} FROM crypto_prices") == [
        tuple(own[name] for name in names)
    ]
    remembered = ", ".join(STATEFUL_KPIS)
    assert rows(writer, f"SELECT num_nonnulls({remembered}) FROM crypto_prices") == [(0,)]


def test_a_cut_dead_letter_stays_if_its_position_has_another_record(
    settings: Settings, undecoded: list[Event], writer: Connection, owner: Connection
):
    owner.execute("UPDATE dead_letters SET value = set_byte(value, 5, 0) WHERE value_bytes > 65536")

    outcomes = [r.outcome for r in replay(settings, writer) if not r.is_done]

    assert "cut at 64 KB, and the topic no longer has it" in outcomes
    assert count(writer, "trades") == 0


def test_dead_letters_of_the_consumer_become_points_once(
    settings: Settings,
    park: Park,
    producer: Producer,
    writer: Connection,
    influx_reader_token_file: Path,
):
    producer.send([snapshot(), candle()])
    records = logged(settings)
    for _ in range(3):  # a restarted consumer reads the log again
        park(records, "expected a fix, found none")
    listed = list(list_lines(settings, writer))

    first = list(replay(settings, writer))
    again = list(replay(settings, writer))

    assert listed[0].split() == ["2", "influxdb", "expected", "a", "fix"]
    assert [(r.outcome, r.is_done) for r in first] == [("points: 1", True)] * 2
    assert again == []
    with InfluxDBClient(
        settings.influx_url, influx_reader_token_file.read_text().strip(), org=settings.influx_org
    ) as client:
        fields = {
            (r["_measurement"], r["_field"]): r["_value"]
            for table in client.query_api().query(
                f'from(bucket: "{settings.influx_bucket}") |> range(start: 0)'
            )
            for r in table.records
        }
    assert fields["crypto_prices", "close"] == snapshot().close
    assert fields["crypto_candles", "vwap"] == 2.5
    assert not {name for kind, name in fields if kind == "crypto_prices"} & STATEFUL_KPIS
    assert not {name for kind, name in fields if kind == "crypto_candles"} & STATEFUL_CANDLE_FIELDS


def logged(settings: Settings) -> list[Record]:
    records: list[Record] = []
    with LogReader(settings, settings.topic_market) as log:
        ends = log.ends()
        log.seek(log.beginnings())
        while any(log.positions()[partition] < end for partition, end in ends.items()):
            records += log.poll(100, timeout_s=0.5)
    return records


def test_the_command_escapes_its_list_and_replays_chosen_positions(
    settings: Settings,
    pipeline_environment: dict[str, str],
    undecoded: list[Event],
    writer: Connection,
):
    places = rows(writer, 'SELECT topic, partition, "offset" FROM dead_letters ORDER BY value')
    chosen = str(RecordPosition(*places[0]))  # type: ignore[arg-type]  # rows are objects

    listed = command(pipeline_environment)
    replayed = command(pipeline_environment, "replay", chosen)

    assert (listed.returncode, replayed.returncode) == (Exit.OK, Exit.OK)
    assert listed.stdout.splitlines()[0].split() == ["4", "postgresql", "expected", "a", "fix"]
    assert chosen in listed.stdout
    assert r'{"v":9,"\x1b[31m\r\n\xe2\x80\xae' in listed.stdout
    assert listed.stdout.isascii()
    assert "\x1b" not in listed.stdout
    assert replayed.stdout.splitlines()[-1] == "replayed 1, left 0"
    assert count(writer, "dead_letter_replays") == 1


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.dead_letters", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
