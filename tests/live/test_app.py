"""What the page is told: the stores' numbers, and what is wrong in words."""

import time

import httpx
import pytest

from include.kpis.registry import NAMES
from include.live.app import FILES
from local.ports import LOOPBACK
from tests.dashboards.conftest import SYMBOLS, market_events
from tests.live.conftest import LOGIN

BTC = {"exchange": "binance", "symbol": "BTC/USDT"}


@pytest.fixture
def visitor(page):
    with httpx.Client(base_url=page, cookies={LOGIN: "yes"}, timeout=20) as client:
        yield client


@pytest.fixture
def away(served, settings, free_ports):
    """A visitor of a page whose stores are away."""
    nowhere = {"influx_url": f"http://{LOOPBACK}:{free_ports.take()}"}
    nowhere["postgres_port"] = free_ports.take()
    address = served(settings.model_copy(update=nowhere))
    with httpx.Client(base_url=address, cookies={LOGIN: "yes"}, timeout=20) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/", "/files/market.js", "/files/charts.js", "/api/markets",
     "/api/candles?exchange=binance&symbol=BTC/USDT",
     "/api/newest?exchange=binance&symbol=BTC/USDT",
     "/api/evidence?exchange=binance&symbol=BTC/USDT"],
)  # fmt: skip
def test_nothing_is_told_to_who_is_not_logged_in(page, path):
    assert httpx.get(page + path).status_code == 401


def test_candles_are_those_of_the_exchange_with_their_macd(visitor, filled):
    now_ms = int(time.time() * 1000)
    told = visitor.get("/api/candles", params=BTC).json()
    candles = {row[0]: row for row in told["candles"]}
    lines = {row[0]: row for row in told["macd"]}

    expected = [e for e in market_events("BTC/USDT", now_ms) if type(e).__name__ == "Candle"]
    compared = [c for c in expected if c.open_ts_ms / 1000 in candles]
    assert len(compared) >= 119
    assert len(lines) == len(compared) - 25, "the first MACD is the 26th candle's"
    for c in compared:
        at_s = c.open_ts_ms / 1000
        assert candles[at_s][1:6] == [c.open, c.high, c.low, c.close, c.volume]
    assert [row[0] for row in told["candles"]] == sorted(candles)
    assert lines[max(lines)][1] - lines[max(lines)][2] == pytest.approx(lines[max(lines)][3])


def test_what_is_new_is_asked_for_alone(visitor, filled):
    since_s = time.time() - 180
    whole = visitor.get("/api/candles", params=BTC).json()["candles"]
    new = visitor.get("/api/candles", params={**BTC, "since_s": since_s}).json()["candles"]

    assert 1 <= len(new) <= 5
    known = {row[0]: row for row in whole}
    assert all(known[row[0]] == row for row in new[:-1] if row[0] in known)


@pytest.mark.parametrize(("interval", "width_s"), [("5m", 300), ("15m", 900), ("1h", 3600)])
def test_wider_candles_begin_at_their_width(visitor, filled, interval, width_s):
    told = visitor.get("/api/candles", params={**BTC, "interval": interval}).json()

    assert told["candles"]
    assert all(row[0] % width_s == 0 for row in told["candles"] + told["macd"])


def test_the_newest_snapshot_is_told_with_every_kpi(visitor, filled):
    told = visitor.get("/api/newest", params=BTC).json()

    assert set(told["kpis"]) == set(NAMES)
    assert told["kpis"]["close"] > 0
    assert told["kpis"]["vwap"] > 0
    assert 0 <= told["age_s"] < 120


def test_every_market_with_data_can_be_chosen(visitor, filled):
    found = visitor.get("/api/markets").json()

    assert found == [{"exchange": "binance", "symbol": symbol} for symbol in sorted(SYMBOLS)]


def test_a_market_without_data_is_told_with_the_near_miss(visitor, filled):
    answer = visitor.get("/api/candles", params={**BTC, "symbol": "BTC/USD"})

    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "no data of binance:BTC/USD: did you mean binance:BTC/USDT?"
    )  # fmt: skip


def test_no_data_at_all_is_told(visitor):
    assert visitor.get("/api/markets").json() == []
    assert "no snapshot has come yet" in visitor.get("/api/newest", params=BTC).json()["detail"]


@pytest.mark.parametrize(
    "asked",
    [
        {"symbol": 'BTC/USDT" or true'},
        {"symbol": "BTC/USDT\n|> drop()"},
        {"exchange": "../../etc"},
        {"interval": "7m"},
        {"since_s": "nan"},
        {"since_s": "-1"},
    ],
)
def test_what_is_no_market_is_refused_before_it_is_asked_for(visitor, asked):
    assert visitor.get("/api/candles", params={**BTC, **asked}).status_code == 422


def test_a_store_that_is_away_is_told(away):
    """Nobody listens at the stores' addresses."""
    for what in ("markets", "candles", "newest", "evidence"):
        answer = away.get(f"/api/{what}", params=BTC)
        assert answer.status_code == 503, what
        assert answer.headers["Retry-After"] == "2"
        assert "InfluxDB at" in answer.json()["detail"] or what == "evidence"


def test_nothing_may_come_from_elsewhere(visitor):
    for path in ("/", *(f"/files/{name}" for name in FILES)):
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.get("/files/../app.py").status_code == 404
    assert visitor.get("/files/app.py").status_code == 404


def test_what_is_proved_is_told(visitor, filled):
    told = visitor.get("/api/evidence", params=BTC).json()

    assert told["lag_s"] is None, "no snapshot was drained"
    assert told["audited_minutes"] > 100
    assert told["proved_minutes"] == told["audited_minutes"]
    assert told["open_gaps"] == 0
