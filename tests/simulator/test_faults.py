"""Faults on request, and the exceptions of unmodified ccxt."""

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
    assert served.request("DELETE", "/_control/faults") == (200, [])


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
def test_a_fault_raises_the_exception_of_the_real_exchange(served, exchange, fault, kind):
    served.fail({"path": TICKER, "times": 1, **fault})
    with pytest.raises(kind):
        exchange.fetch_ticker("BTC/USDT")
    if "headers" in fault:
        assert exchange.last_response_headers["Retry-After"] == fault["headers"]["Retry-After"]
    assert exchange.fetch_ticker("BTC/USDT")["last"] > 0


# ccxt's async client differs: it takes a truncated body for the exchange's error.
CUT_SHORT = ({"disconnect": True, "half_body": True}, ccxt.ExchangeError)


@pytest.mark.parametrize(("fault", "kind"), [TABLE[0], TABLE[7], TABLE[11], CUT_SHORT])
async def test_async_ccxt_raises_the_same(served, fault, kind):
    exchange = ccxt.async_support.binance(served.settings())
    exchange.exceptions["exact"].update(exchange.exceptions["spot"]["exact"])
    try:
        await exchange.load_markets()
        # aiohttp's client repeats the request once if a reused connection closes.
        served.fail({"path": TICKER, "times": 2, **fault})
        with pytest.raises(kind):
            await exchange.fetch_ticker("BTC/USDT")
    finally:
        await exchange.close()


@pytest.mark.parametrize("body", ["<html>maintenance</html>", "{}", '{"symbol":"BTCU'])
def test_an_unusable_200_gives_an_empty_ticker(served, exchange, body):
    """ccxt raises nothing, so that the reader must check the ticker."""
    served.fail({"path": TICKER, "body": body})
    assert exchange.fetch_ticker("BTC/USDT")["last"] is None


def test_a_refused_connection_is_a_network_error(serve, generate):
    closed = serve(generate(symbols=("BTC/USDT",)))
    exchange = closed.exchange()
    exchange.urls["api"]["public"] = "http://127.0.0.1:1/api/v3"
    with pytest.raises(ccxt.NetworkError):
        exchange.load_markets()


def test_a_delay_does_not_change_the_response(served, exchange):
    served.fail({"path": TICKER, "delay_s": 0.3, "headers": {"X-Slow": "yes"}})
    started = time.monotonic()
    assert exchange.fetch_ticker("BTC/USDT")["last"] > 0
    assert time.monotonic() - started >= 0.3
    assert exchange.last_response_headers["X-Slow"] == "yes"


def test_a_fault_applies_the_given_times_then_the_next_rule(served):
    served.fail(
        {"path": "/api/v3/ti", "status": 500, "body": "a", "times": 2},
        {"path": "/api/v3/time", "status": 501, "body": {"b": 1}, "times": 1},
        {"path": "/api/v3/klines", "status": 502, "body": []},
    )
    statuses = [served.request("GET", "/api/v3/klines")[0] for _ in range(3)]
    assert statuses == [502] * 3
    exchange = served.exchange()
    for kind in (ccxt.ExchangeNotAvailable, ccxt.ExchangeNotAvailable):
        with pytest.raises(kind):
            exchange.fetch_time()
    assert served.request("GET", "/api/v3/time") == (501, {"b": 1})
    assert "serverTime" in served.get("/api/v3/time")
    assert [f["path"] for f in served.get("/_control/faults")] == ["/api/v3/klines"]


def test_faults_do_not_apply_to_control_paths_and_requests_are_counted(served):
    served.fail({"path": "/", "status": 500, "body": {}})
    before = served.get("/_control/state")["requests"].get("/api/v3/ping", 0)
    assert served.request("GET", "/api/v3/ping")[0] == 500
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
def test_invalid_rules_are_rejected_and_the_active_ones_stay(served, rules):
    served.fail({"path": "/api/v3/ping", "status": 500, "body": {}})
    status, answer = served.request("POST", "/_control/faults", rules)
    assert (status, answer["code"]) == (400, -1100)
    assert served.request("GET", "/api/v3/ping")[0] == 500
