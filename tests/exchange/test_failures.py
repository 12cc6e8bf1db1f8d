"""Every failure of an exchange is one error: try again, pause, or change a setting."""

import asyncio

import pytest

from include.errors import Misconfigured, Unavailable
from include.exchange.binance import Binance
from include.exchange.failures import RateLimited

TICKER = "/api/v3/ticker/24hr"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, RateLimited),
        ({"status": 418, "headers": {"Retry-After": "7"}}, RateLimited),
        ({"status": 451, "body": "restricted location"}, Misconfigured),
        ({"status": 403, "body": "<html>WAF</html>"}, Unavailable),
        ({"status": 500, "body": "<html>" + "x" * 5000 + "</html>"}, Unavailable),
        ({"status": 503, "body": {"code": -1008, "msg": "overloaded"}}, Unavailable),
        ({"status": 504, "body": {"code": -1007, "msg": "timeout"}}, Unavailable),
        ({"status": 400, "body": {"code": -1003, "msg": "too many requests"}}, RateLimited),
        ({"status": 400, "body": {"code": -1121, "msg": "Invalid symbol."}}, Misconfigured),
        ({"body": "<html>maintenance</html>"}, Unavailable),
        ({"body": '{"symbol": "BTCUS'}, Unavailable),
        ({"body": {}}, Unavailable),
        ({"body": {"code": -1000, "msg": "unknown error"}}, Unavailable),
        ({"body": {"symbol": "BTCUSDT", "lastPrice": None, "closeTime": None}}, Unavailable),
        ({"body": [1, 2, 3]}, Unavailable),
        ({"delay_s": 5}, Unavailable),
        ({"disconnect": True}, Unavailable),
        ({"disconnect": True, "half_body": True}, Unavailable),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else value.__name__,
)
@pytest.mark.fault(22)
@pytest.mark.fault(23)
@pytest.mark.fault(25)
async def test_a_failure_raises_one_error(exchange, fault, kind):
    """
    Faults 22, 23 and 25: the message is one short line, never a page of HTML.
    """
    await exchange.fault({"path": TICKER, **fault})

    with pytest.raises(kind) as failure:
        await exchange.binance.snapshot("BTC/USDT")

    assert type(failure.value) is kind
    assert len(str(failure.value)) < 350
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("path", ["/api/v3/klines", "/api/v3/aggTrades"])
@pytest.mark.parametrize("body", ["<html></html>", "{}", '{"code":-1}', "[[1]]", "[null]", "[]x"])
@pytest.mark.fault(23)
async def test_history_of_an_unexpected_format_is_unavailable(exchange, path, body):
    """
    A 200 whose body is not a page of rows is a failure to retry, never an empty page.
    """
    await exchange.fault({"path": path, "body": body})

    candles = "klines" in path
    request = exchange.binance.candles if candles else exchange.binance.trades_from
    with pytest.raises(Unavailable):
        await request("BTC/USDT", 0, *([exchange.clock.ms] if candles else []))


@pytest.mark.fault(22)
async def test_no_request_is_made_during_a_pause(exchange):
    """
    After a 429 no symbol makes a request until Retry-After has passed: it would extend the ban.
    """
    await exchange.fault({"path": TICKER, "status": 429, "headers": {"Retry-After": "30"}})
    with pytest.raises(RateLimited):
        await exchange.binance.snapshot("BTC/USDT")
    requested = len(await exchange.requests())

    with pytest.raises(RateLimited) as refusal:
        await exchange.binance.trades_from("ETH/USDT", 1)

    assert 25 < refusal.value.retry_after_s <= 30
    assert len(await exchange.requests()) == requested


@pytest.mark.fault(22)
async def test_all_clients_of_an_address_pause_together(exchange):
    """
    A second adapter of the process, a stream, and calls queued when the response arrived.
    """
    other = Binance("binance", exchange.settings)
    try:
        await other.connect(["BTC/USDT"])
        before = len(await exchange.requests())
        await exchange.fault({"path": TICKER, "status": 429, "headers": {"Retry-After": "30"}})
        snapshots = (exchange.binance.snapshot("BTC/USDT") for _ in range(20))
        failures = await asyncio.gather(*snapshots, return_exceptions=True)
        requested = len(await exchange.requests())

        with pytest.raises(RateLimited):
            await other.snapshot("BTC/USDT")
        with pytest.raises(RateLimited):
            async with other.trade_stream(["BTC/USDT"]).connection():
                pass
    finally:
        await other.close()

    assert {type(failure) for failure in failures} == {RateLimited}
    assert requested - before < 10  # of 40: sent before the response arrived
    assert len(await exchange.requests()) == requested


@pytest.mark.fault(22)
async def test_requests_continue_after_the_pause(exchange):
    fault = {"path": TICKER, "status": 429, "headers": {"Retry-After": "1"}, "times": 1}
    await exchange.fault(fault)
    requests_ms = [ms async for ms in retry_until_answered(exchange)]

    assert len(requests_ms) == 2
    assert requests_ms[1] - requests_ms[0] >= 1000


async def retry_until_answered(exchange):
    """Yield the times of requests for the ticker, with a pause after each 429."""
    while True:
        try:
            await exchange.binance.snapshot("BTC/USDT")
            break
        except RateLimited as refusal:
            await asyncio.sleep(refusal.retry_after_s / 4)
    for ms, path, _ in await exchange.requests():
        if path == TICKER:
            yield ms


def agg(number, **changes):
    return {"a": number, "p": "1", "q": "1", "f": number, "l": number, "T": 1, "m": True} | changes


def kline(minute):
    return [minute * 60_000, "1", "1", "1", "1", "1", 0, "1", 1, "1", "1", "0"]


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("aggTrades", [agg(12), agg(11)]),
        ("aggTrades", [agg(11), agg(11)]),
        ("aggTrades", [agg(9), agg(10)]),
        ("aggTrades", [agg(11, p="one")]),
        ("klines", [kline(12), kline(11)]),
        ("klines", [kline(11), kline(11)]),
    ],
    ids=["back", "repeated", "before the requested id", "words", "candles back", "candle repeated"],
)
async def test_history_out_of_order_is_unavailable(exchange, path, rows):
    await exchange.fault({"path": f"/api/v3/{path}", "body": rows})

    request = exchange.binance.candles if path == "klines" else exchange.binance.trades_from
    with pytest.raises(Unavailable, match="expected") as failure:
        await request("BTC/USDT", *([600_000, 900_000] if path == "klines" else [10]))

    assert "\n" not in str(failure.value)


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("ticker/24hr", {"symbol": "ETHUSDT", "lastPrice": "1", "closeTime": 1}, "found ETHUSDT"),
        ("depth", {}, "without a book"),
        ("depth", "<html></html>", "depth|book"),
        ("depth", {"lastUpdateId": 1, "bids": [[None, None]], "asks": []}, "book"),
    ],
)
async def test_a_wrong_ticker_or_an_empty_book_is_unavailable(exchange, path, body, message):
    await exchange.fault({"path": f"/api/v3/{path}", "body": body})

    with pytest.raises(Unavailable, match=message) as failure:
        await exchange.binance.snapshot("BTC/USDT")

    assert "\n" not in str(failure.value)


async def test_names_all_unknown_symbols_and_similar_ones(exchange):
    with pytest.raises(Misconfigured) as refusal:
        await exchange.binance.connect(["BTC/USDT", "ETH/USTD", "DOGE/DOGE"])

    assert "ETH/USTD (did you mean ETH/USDT?)" in str(refusal.value)
    assert "DOGE/DOGE" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.fault(25)
async def test_an_absent_exchange_is_unavailable(exchange):
    from include.exchange.binance import Binance
    from include.settings import Settings

    absent = Binance("binance", Settings(exchange_url="http://127.0.0.1:9", exchange_timeout_s=2))
    try:
        with pytest.raises(Unavailable, match=r"no answer: Cannot connect to host 127\.0\.0\.1:9"):
            await absent.connect(["BTC/USDT"])
    finally:
        await absent.close()
