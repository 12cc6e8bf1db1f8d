"""Reconciliation in real stores: differences are found, corrected and recorded."""

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from include.history.indicators import recompute_stale
from include.history.reconciliation import ReconcileResult, reconcile
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.warehouse.connection import connect
from tests.chaos.verifier.influxdb import Influx
from tests.history.market import BTC, LRC, candles, store, streamed, with_holes

KILLED = """
import os, signal
from include.history.reconciliation import reconcile
from include.influxdb.writer import InfluxDB
from include.settings import Settings
from include.warehouse.connection import connect
write = InfluxDB.write
def killed(self, lines):
    if {after}:
        write(self, lines)
    os.kill(os.getpid(), signal.SIGKILL)
InfluxDB.write = killed
settings = Settings.load()
reconcile(connect(settings, application="victim"), settings)
"""


@pytest.fixture
def stream(settings):
    """Write points as by the consumer."""
    influxdb = InfluxDB(settings)
    yield lambda points: influxdb.write(lines.encode(points))
    influxdb.close()


@pytest.fixture
def in_influxdb(settings):
    """Read a symbol's closed minutes from InfluxDB."""
    token = settings.influx_reader_token_file.read_text().strip()
    influx = Influx(settings.influx_url, settings.influx_org, settings.influx_bucket, token)
    return lambda market=BTC: influx.points("crypto_candles", market.symbol)


def expected(points):
    """Return the points' fields by time."""
    return {p.ts_ms: {k: v for k, v in p.values.items() if v is not None} for p in points}


def assert_close(found, wanted):
    assert found.keys() == wanted.keys()
    for ts_ms, fields in wanted.items():
        assert found[ts_ms].keys() == fields.keys()
        for name, value in fields.items():
            allowed = 1e-9 * max(fields["close"], abs(value))
            assert abs(found[ts_ms][name] - value) <= allowed, (ts_ms, name)


def corrections(connection):
    return connection.execute(
        "SELECT symbol, reason, points, max_relative_difference > 1e-9, written_at IS NOT NULL"
        " FROM corrections ORDER BY id"
    ).fetchall()


def a_day(connection):
    """Return the README's numbers by symbol and KPI, over all hours."""
    return connection.execute(
        "SELECT symbol, kpi, sum(compared), sum(missing), max(max_relative_difference)"
        " FROM reconciliations GROUP BY symbol, kpi ORDER BY symbol, kpi"
    ).fetchall()


def test_a_correct_stream_is_not_changed(settings, writer, reader, stream, in_influxdb):
    for market in (BTC, LRC):
        store(writer, with_holes(candles(market)))
        stream(streamed(with_holes(candles(market))))
    before = in_influxdb()
    recompute_stale(writer)

    done = reconcile(writer, settings)

    minutes = len(with_holes(candles()))
    assert (done.minutes, done.corrected) == (2 * minutes, 0)
    assert done.max_relative_difference <= 1e-9
    figures = a_day(reader)
    assert [row[:2] for row in figures] == [
        (m.symbol, kpi) for m in (BTC, LRC) for kpi in ("macd", "macd_hist", "macd_signal", "vwap")
    ]
    assert all(minutes - 2 * 33 <= compared <= minutes for _, _, compared, _, _ in figures)
    assert all(missing == 0 for _, _, _, missing, _ in figures)
    assert max(difference for *_, difference in figures) <= 1e-9
    assert in_influxdb() == before
    assert corrections(reader) == []
    assert reconcile(writer, settings) == ReconcileResult()


def test_planted_differences_and_holes_are_found_and_corrected(
    settings, writer, reader, stream, in_influxdb
):
    found = candles(minutes=500)
    points = streamed(found)
    planted = {
        100: {"macd": points[100].values["macd"] * 1.001},
        200: {"session_vwap": points[200].values["session_vwap"] * (1 + 3e-9)},
        201: {"session_vwap": None},
        300: {"close": points[300].values["close"] * 1.01},
        301: {"volume": points[301].values["volume"] + 1e-3},
    }
    wrong = [p._replace(values=p.values | planted.get(n, {})) for n, p in enumerate(points)]
    holes = range(400, 420)
    store(writer, found)
    stream(p for n, p in enumerate(wrong) if n not in holes)
    recompute_stale(writer)

    done = reconcile(writer, settings)

    assert (done.minutes, done.corrected) == (500, 25)
    assert done.max_relative_difference <= 1e-9
    assert_close(in_influxdb(), expected(points))
    assert sorted(corrections(reader)) == [
        ("BTC/USDT", "candle", 2, True, True),
        ("BTC/USDT", "indicators", 3, True, True),
        ("BTC/USDT", "missing", 20, None, True),
    ]
    assert {row[0] for row in reader.execute("SELECT status FROM reconciliations")} == {"equal"}
    assert reconcile(writer, settings) == ReconcileResult()
    assert len(corrections(reader)) == 3


def test_a_revision_corrects_all_dependent_points(settings, writer, reader, stream, in_influxdb):
    found = candles(minutes=900)
    store(writer, found)
    stream(streamed(found))
    recompute_stale(writer)
    reconcile(writer, settings)
    other = replace(found[300], close=found[300].high * 1.02, high=found[300].high * 1.02)

    writer.execute(
        "UPDATE candles SET close = %s, high = %s, source = 'test'"
        " WHERE open_ts = to_timestamp(%s)",
        [other.close, other.high, other.open_ts_ms // 1000],
    )
    recompute_stale(writer)
    done = reconcile(writer, settings)

    assert_close(in_influxdb(), expected(streamed([*found[:300], other, *found[301:]])))
    assert 100 < done.corrected < 400
    assert [row[1] for row in corrections(reader)] == ["candle", "indicators"]
    assert reconcile(writer, settings) == ReconcileResult()


def test_minutes_after_the_stream_wait_and_minutes_before_it_are_skipped(
    settings, writer, stream, in_influxdb
):
    found = candles(minutes=300)
    store(writer, found)
    recompute_stale(writer)
    nothing = reconcile(writer, settings)
    points = streamed(found)
    stream(points[100:200])

    first = reconcile(writer, settings)
    again = reconcile(writer, settings)
    stream(points[200:])
    second = reconcile(writer, settings)

    assert nothing == again == ReconcileResult()
    assert (first.minutes, first.corrected) == (100, 0)
    assert second.corrected == 0
    assert len(in_influxdb()) == 200


@pytest.mark.fault(27)
@pytest.mark.parametrize("after", [False, True])
def test_killed_before_or_after_writing_each_correction_is_recorded_once(
    settings, writer, reader, stream, in_influxdb, pipeline_environment, after
):
    found = candles(minutes=200)
    points = streamed(found)
    store(writer, found)
    stream(p for n, p in enumerate(points) if not 100 <= n < 110)
    recompute_stale(writer)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(after=after)], env=pipeline_environment
    )
    done = reconcile(writer, settings)

    assert killed.returncode == -signal.SIGKILL
    assert done.corrected == (0 if after else 10)
    assert corrections(reader) == [("BTC/USDT", "missing", 10, None, True)]
    assert_close(in_influxdb(), expected(points))


@pytest.mark.fault(28)
def test_concurrent_runs_correct_once(settings, writer, reader, stream, in_influxdb):
    found = candles(minutes=600)
    points = streamed(found)
    chance = random.Random(5)
    store(writer, found)
    stream(p for p in points if p in (points[0], points[-1]) or chance.random() < 0.9)
    recompute_stale(writer)

    def run(_):
        with connect(settings, application="test") as connection:
            return reconcile(connection, settings)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(run, range(3)))

    assert sum(one.corrected for one in done) == corrections(reader)[0][2] > 30
    assert len(corrections(reader)) == 1
    assert_close(in_influxdb(), expected(points))
