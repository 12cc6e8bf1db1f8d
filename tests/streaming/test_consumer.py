"""The consumer on real Kafka and InfluxDB stores a point of every snapshot, through failures."""

import itertools
from dataclasses import replace

import pytest

from include.broker.records import Outgoing
from include.broker.writer import AcknowledgedWriter
from include.influxdb.writer import InfluxDB
from include.kpis.snapshot_kpis import compute_snapshot_kpis
from local.credentials import write_private
from tests.kpis.test_snapshot_kpis import SNAPSHOT
from tests.streaming import market
from tests.streaming.consuming import (
    RunningConsumer,
    compute_points,
    consumer_process,
    publish,
    wait_until_saved,
)

START_MS = 1_762_300_800_000


def snapshots(count, start=0, symbol="BTC/USDT"):
    times_ms = [START_MS + i * 5_000 for i in range(start, start + count)]
    return [
        replace(SNAPSHOT, symbol=symbol, event_ts_ms=ms, recv_ts_ms=ms + 250, close=ms / 3e7)
        for ms in times_ms
    ]


def test_every_snapshot_is_a_point_with_every_value(settings, bucket):
    sent = snapshots(120) + snapshots(80, symbol="ETH/USDT")
    publish(settings, sent)

    with RunningConsumer(settings):
        bucket.wait_for(200)

    stored = bucket.points()
    for snapshot in sent:
        expected = {k: v for k, v in compute_snapshot_kpis(snapshot).items() if v is not None}
        found = stored[(snapshot.symbol, snapshot.event_ts_ms)]
        assert {name: found.get(name) for name in expected} == expected


def test_a_restart_loses_nothing_and_repeats_nothing(settings, bucket):
    publish(settings, snapshots(100))
    with RunningConsumer(settings):
        bucket.wait_for(100)
    publish(settings, snapshots(100, start=100))

    with RunningConsumer(settings):
        bucket.wait_for(200)

    assert len(bucket.points()) == 200


def test_the_query_of_the_original_project_runs_unchanged(settings, bucket):
    """
    The dashboard of the original project runs this query.
    """
    publish(settings, snapshots(3))
    with RunningConsumer(settings):
        bucket.wait_for(3)

    rows = bucket.query(
        f'from(bucket: "{settings.influx_bucket}") |> range(start: 2025-11-01T00:00:00Z)'
        ' |> filter(fn: (r) => r["_measurement"] == "crypto_prices")'
        ' |> filter(fn: (r) => r["_field"] == "price_change_pct" or r["_field"] == "open"'
        ' or r["_field"] == "low" or r["_field"] == "high" or r["_field"] == "close")'
        ' |> filter(fn: (r) => r["symbol"] == "BTC/USDT")'
        ' |> aggregateWindow(every: 5s, fn: mean, createEmpty: false) |> yield(name: "mean")'
    )

    assert {row["_field"] for row in rows} == {"price_change_pct", "open", "low", "high", "close"}
    assert len(rows) == 15


@pytest.mark.fault(16)
def test_an_undecodable_record_is_a_dead_letter_and_the_others_are_stored(settings, bucket):
    publish(settings, snapshots(2))
    writer = AcknowledgedWriter(settings, "test-poison")
    poison = [b"not json", b"[" * 100_000, b'{"v":1,"type":"snapshot"}', b"\xff", None]
    writer.write([Outgoing(settings.topic_market, b"binance:BTC/USDT", v) for v in poison])
    writer.close()
    publish(settings, snapshots(2, start=2))

    with RunningConsumer(settings):
        bucket.wait_for(4)

    letters = bucket.dead_letters()
    assert len(letters) == len(poison)
    assert all(letter["reason"].startswith("expected ") for letter in letters)
    assert {letter["topic"] for letter in letters} == {settings.topic_market}


def test_events_are_stored_in_the_measurements_of_their_type(settings, bucket):
    """
    Each field equals that of one KPI engine per partition.
    """
    publish(settings, itertools.islice(market.stream(), 1_000))

    with RunningConsumer(settings):
        wait_until_saved(settings)

    stored = bucket.stored()
    kinds = {(measurement, interval) for measurement, _, _, interval, _ in stored}
    assert kinds == {
        ("crypto_prices", None),
        ("crypto_trades", None),
        ("crypto_candles", "1m"),
        ("crypto_last_trade", None),
    }
    assert {symbol for _, _, symbol, _, _ in stored} == set(market.SYMBOLS)
    assert stored == compute_points(settings)


@pytest.mark.fault(14)
def test_a_point_influxdb_rejects_is_a_dead_letter_and_the_others_are_stored(settings, bucket):
    """
    An integer already in the field makes InfluxDB reject floats, in that week only.
    """
    week_ms = 7 * 86_400_000
    wrong = snapshots(3)
    right = [
        replace(t, event_ts_ms=t.event_ts_ms + 2 * week_ms, recv_ts_ms=t.recv_ts_ms + 2 * week_ms)
        for t in snapshots(60)
    ]
    sink = InfluxDB(settings)
    series = "crypto_prices,exchange=binance,symbol=BTC/USDT"
    sink.write(f"{series} close=1i {START_MS - 1}".encode())
    sink.close()
    publish(settings, [*wrong, *right])

    with RunningConsumer(settings):
        wait_until_saved(settings)

    stored = {ts_ms for _, ts_ms in bucket.points()}
    letters = bucket.dead_letters()
    assert stored - {START_MS - 1} >= {t.event_ts_ms for t in right}
    assert len(letters) == len(wrong)
    assert all("field type conflict" in letter["reason"] for letter in letters)


@pytest.mark.fault(15)
def test_a_wrong_token_ends_it_with_one_line_of_error(settings, pipeline_environment, tmp_path):
    wrong = tmp_path / "token"
    write_private(wrong, "not-a-token-of-this-server")
    publish(settings, snapshots(1))
    environment = pipeline_environment | {"PIPELINE_INFLUX_TOKEN_FILE": str(wrong)}

    with consumer_process(environment, tmp_path) as process:
        exit_code = process.wait(30)

    output = (tmp_path / "consumer.log").read_text()
    assert exit_code == 2
    assert output.splitlines()[-1].count("answered 401") == 1
    assert "Traceback" not in output
    assert "not-the-token" not in output
