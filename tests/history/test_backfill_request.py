"""The request of a run: its parameters, or configured markets and data interval."""

from datetime import UTC, datetime

import pytest

from include.errors import Misconfigured
from include.history.backfill_request import BackfillRequest, parse_request
from include.kpis.records import MarketKey

BTC, ETH = MarketKey("binance", "BTC/USDT"), MarketKey("binance", "ETH/USDT")
LRC = MarketKey("binanceus", "LRC/BTC")
NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
INTERVAL = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))
EMPTY = {"exchange": None, "symbols": [], "from": None, "to": None, "interval": "1m"}


def ms(*time: int) -> int:
    return int(datetime(2026, 11, *time, tzinfo=UTC).timestamp()) * 1000


def asked(ran_for=INTERVAL, configured=(BTC, ETH), **params):
    return parse_request({**EMPTY, **params}, ran_for, configured, NOW)


def test_without_parameters_it_is_all_markets_and_the_runs_interval():
    assert asked() == BackfillRequest((BTC, ETH), ms(1), ms(2))


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        ("2026-11-03", "2026-11-04", (ms(3), ms(5))),  # dates are whole days
        ("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z", (ms(3), ms(4))),
        ("2026-11-03T10:00:59", "2026-11-03T10:05:59", (ms(3, 10), ms(3, 10, 5))),
        ("2026-11-03T02:00+02:00", None, (ms(3), ms(23, 12))),
        ("2026-11-03", "", (ms(3), ms(23, 12))),
    ],
)
def test_a_window_is_whole_minutes_in_utc_and_ends_now_by_default(start, end, window):
    request = asked(**{"from": start, "to": end})

    assert (request.from_ms, request.until_ms) == window


def test_a_run_without_an_interval_needs_a_window():
    with pytest.raises(Misconfigured, match=r"^from: expected a date or time"):
        asked(ran_for=None)


def test_symbols_are_of_the_given_exchange_or_the_only_one():
    assert asked(symbols=["SOL/USDT"]).markets == (MarketKey("binance", "SOL/USDT"),)
    assert asked(exchange="binanceus", symbols=["LRC/BTC"]).markets == (LRC,)
    assert asked(exchange="binanceus", configured=(BTC, LRC)).markets == (LRC,)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"interval": "5m"}, "interval: expected 1m, found '5m'"),
        ({"exchange": "binanceus"}, "symbols: expected at least one, .* none of binanceus"),
        ({"symbols": ["BTCUSDT"]}, "symbols: expected exchange:SYMBOL .*'binance:BTCUSDT'"),
        ({"symbols": ["BTC/USDT", "BTC/USDT"]}, "symbols: expected each market once"),
        ({"to": "2026-11-02"}, "from: expected a date or time"),
        ({"from": "yesterday"}, "from: expected a date or time .* found 'yesterday'"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to: expected a minute after"),
    ],
)
def test_invalid_parameters_are_rejected_in_one_line(params, complaint):
    with pytest.raises(Misconfigured, match=f"^{complaint}") as e:
        asked(**params)

    assert "\n" not in str(e.value)


def test_symbols_of_several_exchanges_need_the_exchange():
    with pytest.raises(Misconfigured, match=r"^exchange: expected one of binance, binanceus"):
        asked(configured=(BTC, LRC), symbols=["BTC/USDT"])
