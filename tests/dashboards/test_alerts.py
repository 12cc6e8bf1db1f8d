"""Each alert fires on what it is for, and is silent on a sound market: its query decides."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from include.dashboards.alerts import rules
from include.kpis.engine import KpiEngine
from include.kpis.records import MINUTE_MS, CandlePoint
from include.quality.proof import prove_due
from include.streaming.health.snapshots import HealthPoint, Snapshot
from include.warehouse.connection import connect
from tests.dashboards.conftest import market_events, snapshot, utc

RULES = {rule.uid: rule for rule in rules()}
SYMBOL = "BTC/USDT"


def firing(stores, uid):
    """Return the symbols (None for a rule without) for which the rule's number is too high."""
    rule = RULES[uid]
    rows = stores.run(rule.query, since=timedelta(seconds=rule.window_s))
    return {row.get("symbol") for row in rows if number(row) > rule.threshold}


def number(row):
    """Return what Grafana takes for the number: the value of Flux, the only number of SQL."""
    if "_value" in row:
        return row["_value"]
    (value,) = (value for value in row.values() if isinstance(value, int | float))
    return value


def now_ms():
    return int(time.time() * 1000)


def test_a_sound_market_alerts_nobody(filled):
    quiet = [uid for uid in RULES if uid not in ("macd-cross", "big-move")]  # those depend on it

    assert {uid: firing(filled, uid) for uid in quiet} == {uid: set() for uid in quiet}


def test_a_lag(stores):
    lags = {"3": 12_000.0, "4": 3.0}
    points = [HealthPoint({"partition": p}, {"kafka_lag_records": n}) for p, n in lags.items()]
    stores.write_snapshot(Snapshot("consumer", "here:1", now_ms(), points))

    rows = stores.run(RULES["lag"].query, since=timedelta(seconds=RULES["lag"].window_s))

    assert {r["partition"] for r in rows if r["_value"] > RULES["lag"].threshold} == {"3"}


def test_a_stale_feed(stores):
    stores.write([snapshot(SYMBOL, now_ms() - 70_000, 100.0), snapshot("ETH/USDT", now_ms(), 10.0)])

    assert firing(stores, "stale-feed") == {SYMBOL}


def test_a_feed_that_never_came_is_an_alert_too():
    assert RULES["stale-feed"].no_data == "Alerting"


def test_a_crossed_book(stores):
    sound = [snapshot(SYMBOL, now_ms() - 60_000 + i, 100.0) for i in range(10)]
    crossed = []
    for i in range(4):
        told = snapshot("ETH/USDT", now_ms() - 30_000 + i, 10.0)
        crossed.append(replace(told, bids=told.asks, asks=told.bids))
    stores.write([*sound, *crossed])

    assert firing(stores, "crossed-book") == {"ETH/USDT"}


def test_a_minute_that_is_not_what_the_exchange_says(filled, settings):
    with connect(settings, application="test") as connection:
        minute = utc(now_ms() // MINUTE_MS * MINUTE_MS - 10 * MINUTE_MS)
        told = connection.execute(
            "UPDATE candles SET trade_count = trade_count + 1 WHERE symbol = %s AND open_ts = %s",
            [SYMBOL, minute],
        )
        assert told.rowcount == 1
        prove_due(connection)

    assert firing(filled, "failed-proof") == {None}


def test_a_record_nobody_could_read(stores, settings):
    with connect(settings, application="test") as connection:
        connection.execute(
            'INSERT INTO dead_letters (topic, partition, "offset", reason, value_bytes)'
            " VALUES ('crypto.market', 0, 0, 'not_json', 0)"
        )

    assert firing(stores, "dead-letters") == {None}


@pytest.mark.parametrize("end", [104.0, 96.0])
def test_a_big_move_up_or_down(stores, end):
    stores.write(
        [
            snapshot(SYMBOL, now_ms() - 240_000, 100.0),
            snapshot(SYMBOL, now_ms(), end),
            snapshot("ETH/USDT", now_ms() - 240_000, 10.0),
            snapshot("ETH/USDT", now_ms(), 10.1),
        ]
    )

    assert firing(stores, "big-move") == {SYMBOL}


@pytest.mark.parametrize("crossed", [True, False])
def test_a_macd_cross_is_told_for_the_candle_that_crossed(stores, crossed):
    until_ms = now_ms()
    events = list(market_events(SYMBOL, until_ms))
    last, newest = _up_to_a_candle(events, crossed=crossed)
    stores.write(events[: last + 1])

    rule = RULES["macd-cross"]
    since = timedelta(milliseconds=until_ms - newest.ts_ms + 10 * MINUTE_MS)
    rows = stores.run(rule.query, since=since)

    assert [row["_value"] > rule.threshold for row in rows] == [crossed]


def _up_to_a_candle(events, *, crossed):
    """Return the place of the last candle whose histogram changed its sign, or kept it."""
    fold, before, found = KpiEngine(), None, None
    for place, event in enumerate(events):
        for point in fold.update(event):
            if not isinstance(point, CandlePoint) or point.values["macd_hist"] is None:
                continue
            is_below = point.values["macd_hist"] < 0
            if before is not None and (is_below != before) == crossed:
                found = place, point
            before = is_below
    assert found is not None
    return found
