"""Faults on request, and what unmodified ccxt makes of them."""

import time

import ccxt
import ccxt.async_support
import pytest

TICKER = "/api/v3/ticker/24hr"


@pytest.fixture(scope="module")
def served(serve, generate):
    return serve(generate())


@pytest.fixture(scope="module")
def exchange(served):
    exchange = served.exchange()
    exchange.load_markets()
    return exchange


@pytest.fixture(autouse=True)
def _cleared(served):
    yield
    assert served.ask("DELETE", "/_control/faults") == (200, [])


TABLE = [
    ({"status": 429, "headers": {"Retry-After": "7"}}, ccxt.DDoSProtection),
    ({"status": 418, "headers": {"Retry-After": "120"}}, ccxt.DDoSProtection),
    ({"status": 400, "body": {"code": -1003, "msg": "Too many."}}, ccxt.RateLimitExceeded),
    ({"status": 451, "body": {"code": 0, "msg": "restricted"}}, ccxt.ExchangeNotAvailable),
    ({"status": 403, "body": "<html>WAF</html>"}, ccxt.ExchangeNotAvailable),
    ({"status": 500, "body": "<html>oops</html>"}, ccxt.ExchangeNotAvailable),
    ({"status": 502}, ccxt.ExchangeNotAvailable),
    ({"status": 503, "body": {"code": -1008, "msg": "overloaded"}}, ccxt.OperationFailed),
    ({"status": 504}, ccxt.RequestTimeout),
    ({"status": 400, "body": {"code": -1007, "msg": "backend"}}, ccxt.RequestTimeout),
    ({"delay_s": 4.0}, ccxt.RequestTimeout),
    ({"disconnect": True}, ccxt.NetworkError),
    ({"disconnect": True, "half_body": True}, ccxt.NetworkError),
    ({"status": 400, "body": {"code": -1121, "msg": "Invalid symbol."}}, ccxt.BadSymbol),
]


@pytest.mark.parametrize(("fault", "kind"), TABLE)
def test_each_fault_raises_what_the_real_exchange_would(served, exchange, fault, kind):
    served.fail({"path": TICKER, "times": 1, **fault})
    with pytest.raises(kind):
        exchange.fetch_ticker("BTC/USDT")
    if "headers" in fault:
        assert exchange.last_response_headers["Retry-After"] == fault["headers"]["Retry-After"]
    assert exchange.fetch_ticker("BTC/USDT")["last"] > 0


# Where its async half differs: a body cut short looks like an answer the exchange meant.
CUT_SHORT = ({"disconnect": True, "half_body": True}, ccxt.ExchangeError)


@pytest.mark.parametrize(("fault", "kind"), [TABLE[0], TABLE[7], TABLE[11], CUT_SHORT])
async def test_async_ccxt_agrees(served, fault, kind):
    exchange = ccxt.async_support.binance(served.settings())
    exchange.exceptions["exact"].update(exchange.exceptions["spot"]["exact"])
    try:
        await exchange.load_markets()
        # aiohttp's client asks once more by itself when a kept connection drops.
        served.fail({"path": TICKER, "times": 2, **fault})
        with pytest.raises(kind):
            await exchange.fetch_ticker("BTC/USDT")
    finally:
        await exchange.close()


@pytest.mark.parametrize("body", ["<html>maintenance</html>", "{}", '{"symbol":"BTCU'])
def test_a_200_that_says_nothing_is_a_ticker_of_nothing(served, exchange, body):
    """ccxt raises nothing here: whoever reads the ticker must look."""
    served.fail({"path": TICKER, "body": body})
    assert exchange.fetch_ticker("BTC/USDT")["last"] is None


def test_a_refused_connection_is_a_network_error(serve, generate):
    closed = serve(generate(symbols=("BTC/USDT",)))
    exchange = closed.exchange()
    exchange.urls["api"]["public"] = "http://127.0.0.1:1/api/v3"
    with pytest.raises(ccxt.NetworkError):
        exchange.load_markets()


def test_a_delay_alone_answers_late_but_right(served, exchange):
    served.fail({"path": TICKER, "delay_s": 0.3, "headers": {"X-Slow": "yes"}})
    began = time.monotonic()
    assert exchange.fetch_ticker("BTC/USDT")["last"] > 0
    assert time.monotonic() - began >= 0.3
    assert exchange.last_response_headers["X-Slow"] == "yes"


def test_a_fault_strikes_so_many_times_then_the_next_in_line(served):
    served.fail(
        {"path": "/api/v3/ti", "status": 500, "body": "a", "times": 2},
        {"path": "/api/v3/time", "status": 501, "body": {"b": 1}, "times": 1},
        {"path": "/api/v3/klines", "status": 502, "body": []},
    )
    statuses = [served.ask("GET", "/api/v3/klines")[0] for _ in range(3)]
    assert statuses == [502] * 3
    exchange = served.exchange()
    for kind in (ccxt.ExchangeNotAvailable, ccxt.ExchangeNotAvailable):
        with pytest.raises(kind):
            exchange.fetch_time()
    assert served.ask("GET", "/api/v3/time") == (501, {"b": 1})
    assert "serverTime" in served.get("/api/v3/time")
    assert [f["path"] for f in served.get("/_control/faults")] == ["/api/v3/klines"]


def test_faults_spare_the_control_paths_and_are_counted(served):
    served.fail({"path": "/", "status": 500, "body": {}})
    before = served.get("/_control/state")["requests"].get("/api/v3/ping", 0)
    assert served.ask("GET", "/api/v3/ping")[0] == 500
    assert served.get("/_control/state")["requests"]["/api/v3/ping"] == before + 1


@pytest.mark.parametrize(
    "rules",
    [
        {"path": "/"},
        [{"status": 500}],
        [{"path": "/", "sttaus": 500}],
        [{"path": "/", "status": 7}],
    ],
)
def test_wrong_rules_are_refused_and_the_old_ones_stay(served, rules):
    served.fail({"path": "/api/v3/ping", "status": 500, "body": {}})
    status, answer = served.ask("POST", "/_control/faults", rules)
    assert (status, answer["code"]) == (400, -1100)
    assert served.ask("GET", "/api/v3/ping")[0] == 500
