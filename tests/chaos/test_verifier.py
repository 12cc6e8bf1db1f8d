"""The verifier itself: nothing to say of an undisturbed pipeline, and each planted fault found."""

import psycopg
import pytest

from include.influxdb.writer import InfluxDB
from tests.chaos.verifier.arithmetic import macd
from tests.chaos.verifier.verdict import Verdict


def test_says_nothing_of_a_calm_pipeline_and_finds_what_is_planted(pipeline, owner_settings):
    """
    One pipeline for all plants: each is found beside those planted before it.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    calm = pipeline.settle()
    until_ms = pipeline.newest_snapshot_ms()
    s = owner_settings
    with psycopg.connect(
        host=s.postgres_host, port=s.postgres_port, dbname=s.postgres_database,
        user=s.postgres_user, passfile=str(s.postgres_passfile), autocommit=True,
    ) as postgres:  # fmt: skip
        postgres.execute(
            "DELETE FROM trades WHERE trade_id = (SELECT min(trade_id) + 9 FROM trades)"
        )
        postgres.execute(
            "UPDATE candles SET volume = volume * (1 + 1e-8) WHERE symbol = 'BTC/USDT'"
            " AND open_ts = (SELECT min(open_ts) FROM candles"
            " WHERE symbol = 'BTC/USDT' AND volume > 0)"  # a quiet minute's stays 0
        )
        postgres.execute(
            "INSERT INTO trades SELECT exchange, symbol, trade_id, first_id, last_id,"
            " ts + interval '1 ms', price, amount, side FROM trades"
            " WHERE symbol = 'ETH/USDT' ORDER BY trade_id LIMIT 1 OFFSET 5"
        )
    sink = InfluxDB(pipeline.settings)
    tags = "exchange=binance,symbol=BTC/USDT"
    sink.write(f"crypto_prices,{tags} close=1.0 {until_ms + 1}".encode())
    sink.write(f"crypto_trades,{tags} vwap=1.0 {until_ms // 1000 * 1000 - 20_000}".encode())
    sink.close()

    found = pipeline.verdict(until_ms)

    assert calm.is_clean, calm
    assert calm.compared["snapshots"] > 0
    assert calm.compared["trades"] > 50
    assert sum("trades" in text for text in found.missing) == 1
    assert sum(text.startswith("BTC/USDT candles") for text in found.wrong) == 1
    assert sum(text.endswith("twice") for text in found.extra) == 1
    assert f"BTC/USDT crypto_prices {until_ms + 1}" in found.extra
    assert any("crypto_trades" in text for text in [*found.wrong, *found.extra])


@pytest.mark.parametrize(
    ("expected", "found", "kind"),
    [
        ({1: {"x": 1.0}}, {}, "missing"),
        ({}, {1: {"x": 1.0}}, "extra"),
        ({1: {"x": 1.0}}, {1: {"x": 1.0 + 3e-9}}, "wrong"),
        ({1: {"x": 1.0}}, {1: {}}, "wrong"),
        ({1: {}}, {1: {"x": 1.0}}, "wrong"),
    ],
)
def test_any_difference_is_a_finding(expected, found, kind):
    verdict = Verdict()

    verdict.compare("here", expected, found)

    assert not verdict.is_clean
    assert len(getattr(verdict, kind)) == 1
    assert kind in str(verdict)


def test_what_is_the_same_to_rounding_is_none():
    verdict = Verdict()

    verdict.compare("here", {1: {"x": 1.0}, 2: {"x": 2.0}}, {1: {"x": 1.0 + 1e-10}},
                    is_due=lambda place: place < 2)  # fmt: skip

    assert verdict.is_clean


def test_macd_of_a_straight_line_lags_as_it_must():
    """
    An average of length n lags a straight line by (n - 1) / 2 steps: 12.5 less 5.5 are 7.
    """
    line, signal, histogram = macd([float(x) for x in range(200)])[-1]

    assert line == pytest.approx(7.0)
    assert signal == pytest.approx(7.0)
    assert histogram == pytest.approx(0.0, abs=1e-9)
    assert [row[0] is None for row in macd([1.0] * 26)] == [True] * 25 + [False]
    assert [row[1] is None for row in macd([1.0] * 34)] == [True] * 33 + [False]
