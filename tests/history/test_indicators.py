"""Recomputed indicators equal the stream's, and are the same bits for every window."""

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest

from include.history.indicators import RecomputeResult, recompute, recompute_stale
from include.kpis.records import MINUTE_MS
from include.kpis.session import DAY_MS
from include.warehouse.connection import connect
from tests.history.market import (
    BTC,
    LRC,
    MACD,
    candles,
    changed_rows,
    computed,
    store,
    streamed,
    with_holes,
)
from tests.kpis.simulated import START_MS
from tests.waiting import eventually

KILLED = """
from include.history.indicators import recompute_stale
from include.settings import Settings
from include.warehouse.connection import connect
import include.history.indicators as indicators
indicators.MAX_DAYS = 1
recompute_stale(connect(Settings.load(), application="victim"))
"""


def differences(points, rows):
    """Yield differences between stream and batch, relative to the price."""
    for point in points:
        row = rows[point.symbol, point.ts_ms]
        for name, field in (("vwap", "session_vwap"), *((m, m) for m in MACD)):
            stream, batch = point.values[field], row[name]
            assert (stream is None) == (batch is None), (name, point, row)
            if stream is not None:
                yield abs(stream - batch) / point.values["close"]


@pytest.mark.parametrize("market", [BTC, LRC])
def test_equals_the_stream_over_midnights_and_missing_minutes(writer, market):
    found = with_holes(candles(market))
    store(writer, found)

    done = recompute_stale(writer)

    points = streamed(found)
    assert done.changed == done.computed == len(found)
    assert computed(writer).keys() == {(market.symbol, p.ts_ms) for p in points}
    assert max(differences(points, computed(writer))) <= 1e-9


def test_missing_values_are_null(writer):
    quiet = [replace(c, volume=0.0, quote_volume=0.0) for c in candles(minutes=40)[:3]]
    store(writer, quiet + candles(minutes=40)[3:])

    recompute_stale(writer)

    rows = [row for _, row in sorted(computed(writer).items())]
    assert [row["vwap"] is None for row in rows] == [True] * 3 + [False] * 37
    assert [row["macd"] is None for row in rows] == [True] * 25 + [False] * 15
    assert [row["macd_signal"] is None for row in rows] == [True] * 33 + [False] * 7
    assert [row["macd_hist"] is None for row in rows] == [True] * 33 + [False] * 7


def test_windows_in_any_order_give_the_same_bits_and_a_repetition_changes_nothing(writer):
    for market in (BTC, LRC):
        store(writer, with_holes(candles(market)))
    end_ms = START_MS + 4 * DAY_MS
    at_once = recompute(writer, (BTC, LRC), START_MS, end_ms)
    whole = computed(writer)
    before = changed_rows(writer)

    chance = random.Random(4)
    cuts = [START_MS + minute * MINUTE_MS for minute in chance.sample(range(5000), 4)]
    windows = list(pairwise(sorted([START_MS, *cuts, end_ms])))
    chance.shuffle(windows)
    again = [recompute(writer, (m,), *window) for window in windows for m in (LRC, BTC)]

    assert at_once.changed == len(whole)
    assert [done.changed for done in again] == [0] * len(again)
    assert sum(done.computed for done in again) > len(whole)
    assert changed_rows(writer) == before
    assert recompute_stale(writer) == RecomputeResult()


def test_a_revision_and_a_late_candle_change_only_dependent_rows(writer):
    found = candles()
    late, revised = found[600], found[900]
    store(writer, [c for c in found if c is not late])
    recompute_stale(writer)
    other = replace(revised, close=revised.high, quote_volume=revised.volume * revised.high)

    store(writer, [late])
    writer.execute(
        "UPDATE candles SET close = %s, quote_volume = %s, source = 'test' WHERE open_ts ="
        " to_timestamp(%s)",
        [other.close, other.quote_volume, other.open_ts_ms // 1000],
    )
    done = recompute_stale(writer)

    revised_candles = [other if c is revised else c for c in found]
    rows = computed(writer)
    assert max(differences(streamed(revised_candles), rows)) <= 1e-9
    assert 0 < done.changed < done.computed == len(found) - 600
    assert recompute_stale(writer) == RecomputeResult()


def test_only_candles_written_since_the_last_run_are_computed(writer):
    found = candles(minutes=1500)
    store(writer, found[:1430])
    recompute_stale(writer)
    before = changed_rows(writer)

    changed = []
    for first in range(1430, 1500, 7):
        store(writer, found[first : first + 7])
        changed.append(recompute_stale(writer).changed)

    assert changed == [7] * 10
    assert changed_rows(writer)[:1430] == before
    assert max(differences(streamed(found), computed(writer))) <= 1e-9


@pytest.mark.fault(28)
def test_concurrent_runs_change_each_row_once(settings, writer):
    for market in (BTC, LRC):
        store(writer, candles(market))

    def run(_):
        with connect(settings, application="test") as connection:
            return recompute_stale(connection)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(run, range(2)))

    assert sum(one.changed for one in done) == 2 * len(candles())
    assert max(differences(streamed(candles(LRC)), computed(writer))) <= 1e-9


@pytest.mark.fault(27)
def test_killed_and_repeated_it_equals_one_run(settings, writer, pipeline_environment):
    found = with_holes(candles())
    store(writer, found)
    process = subprocess.Popen([sys.executable, "-c", KILLED], env=pipeline_environment)

    def committed():
        assert process.poll() is None
        return computed(writer)

    before = eventually(committed, "something to be committed", pause_s=0.002)
    process.send_signal(signal.SIGKILL)

    assert process.wait(10) == -signal.SIGKILL
    again = recompute_stale(writer)
    assert 0 < len(before) < len(found)
    assert again.changed == len(found) - len(before)
    assert max(differences(streamed(found), computed(writer))) <= 1e-9
    assert recompute(writer, (BTC,), START_MS, START_MS + 4 * DAY_MS).changed == 0
