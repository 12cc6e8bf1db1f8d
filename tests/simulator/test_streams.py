"""The WebSocket streams, read by a plain client and by unmodified ccxt."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import ccxt.pro
import pytest

BTC = "btcusdt@aggTrade"


@pytest.fixture(scope="module")
def clock(set_clock):
    return set_clock()


@pytest.fixture(scope="module")
def served(serve, generate, clock):
    return serve(generate(clock))


@pytest.fixture(autouse=True)
def _as_before(served, clock):
    yield
    assert served.request("DELETE", "/_control/faults") == (200, [])
    clock.at_ms = type(clock)().at_ms


@asynccontextmanager
async def connect(served, path, **options):
    address = served.address.replace("http", "ws") + path
    async with aiohttp.ClientSession() as session, session.ws_connect(address, **options) as socket:
        yield socket


async def request(socket, method, *params):
    await socket.send_json({"method": method, "params": params, "id": 1})
    async with asyncio.timeout(10):
        while True:
            message = json.loads(await socket.receive_str())
            if message.get("id") == 1:
                return message


async def read_trades(socket, count):
    async with asyncio.timeout(10):
        found = [json.loads(await socket.receive_str()) for _ in range(count)]
    return [m.get("data", m) for m in found]


def get_rest_trades(served, first_id, count):
    return served.get(f"/api/v3/aggTrades?symbol=BTCUSDT&fromId={first_id}&limit={count}")


async def wait_for_subscription(served):
    """Return when a connection has a stream."""
    while True:
        if any(served.get("/_control/state")["streams"]):
            return
        await asyncio.sleep(0.01)


async def read_to_end(socket):
    """Read the connection to its end and return the last message."""
    async with asyncio.timeout(10):
        while True:
            message = await socket.receive()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING):
                return message


async def test_the_stream_has_the_trades_of_rest(served, clock):
    """
    From the time of the subscription on, by the market's clock, each trade once.
    """
    async with connect(served, "/stream") as socket:
        assert await request(socket, "SUBSCRIBE", BTC, "ethusdt@aggTrade") == {
            "result": None,
            "id": 1,
        }
        clock.at_ms += 120_000
        async with asyncio.timeout(10):
            first = json.loads(await socket.receive_str())
        assert set(first) == {"stream", "data"}

    async with connect(served, f"/ws/{BTC}") as socket:
        await request(socket, "LIST_SUBSCRIPTIONS")
        clock.at_ms += 120_000
        found = await read_trades(socket, 50)

    assert {(t["e"], t["s"], t["E"]) for t in found} == {("aggTrade", "BTCUSDT", clock.at_ms)}
    keys = ("a", "p", "q", "f", "l", "T", "m", "M")
    assert [{k: t[k] for k in keys} for t in found] == get_rest_trades(served, found[0]["a"], 50)


async def test_the_tape_has_the_same_streams(serve, tapes):
    from include.simulator.tape_market import TapeMarket

    served = serve(TapeMarket(tapes, speed=None, step_ms=20_000))
    async with connect(served, f"/ws/{BTC}") as socket:
        await request(socket, "LIST_SUBSCRIPTIONS")
        served.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
        found = await read_trades(socket, 100)

    ids = [t["a"] for t in found]
    assert ids == list(range(ids[0], ids[0] + 100))
    assert [t["p"] for t in found] == [t["p"] for t in get_rest_trades(served, ids[0], 100)]


async def test_streams_can_be_subscribed_and_unsubscribed(served, clock):
    async with connect(served, "/ws") as socket:
        await request(socket, "SUBSCRIBE", BTC, "unknown@stream")
        assert (await request(socket, "LIST_SUBSCRIPTIONS"))["result"] == [BTC, "unknown@stream"]
        await request(socket, "UNSUBSCRIBE", BTC)
        assert (await request(socket, "LIST_SUBSCRIPTIONS"))["result"] == ["unknown@stream"]
        assert (await request(socket, "SUBSCRIBED"))["error"]["code"] == 2
        assert served.get("/_control/state")["streams"] == [["unknown@stream"]]


async def test_more_than_five_messages_a_second_end_the_connection(served):
    async with connect(served, "/ws") as socket:
        for number in range(6):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        assert (await read_to_end(socket)).data == 1008


async def test_ticker_and_book_equal_those_of_rest(served, clock):
    names = "btcusdt@ticker/btcusdt@bookTicker/btcusdt@depth5"
    async with connect(served, f"/stream?streams={names}") as socket:
        async with asyncio.timeout(10):
            found = [json.loads(await socket.receive_str()) for _ in range(3)]
    data = {message["stream"].partition("@")[2]: message["data"] for message in found}
    ticker = served.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
    book = served.get("/api/v3/depth?symbol=BTCUSDT&limit=5")

    assert (data["ticker"]["c"], data["ticker"]["L"]) == (ticker["lastPrice"], ticker["lastId"])
    assert data["bookTicker"]["b"] == ticker["bidPrice"] == book["bids"][0][0]
    assert data["depth5"] == book


async def test_unmodified_ccxt_watches_trades(served, clock):
    settings = served.settings()
    settings["urls"]["api"]["ws"] = {"spot": served.address.replace("http", "ws") + "/stream/ws"}
    exchange = ccxt.pro.binance(settings)
    try:
        await exchange.load_markets()
        watching = asyncio.create_task(exchange.watch_trades("BTC/USDT"))
        async with asyncio.timeout(10):
            await wait_for_subscription(served)
            clock.at_ms += 120_000
            found = await watching
    finally:
        await exchange.close()
    assert found[0]["symbol"] == "BTC/USDT"
    assert found[0]["price"] > 0


@pytest.mark.parametrize(
    ("action", "ids"),
    [("drop", [1, 2, 3]), ("duplicate", [0, 0, 1]), ("swap", [1, 0, 2])],
)
async def test_a_fault_applies_to_one_message(served, clock, action, ids):
    async with connect(served, f"/ws/{BTC}") as socket:
        await request(socket, "LIST_SUBSCRIPTIONS")
        served.fail({"stream": BTC, "action": action, "times": 1})
        next_id = served.get("/_control/state")["last_trade_id"]["BTC/USDT"] + 1
        clock.at_ms += 60_000
        found = await read_trades(socket, 3)

    assert [t["a"] - next_id for t in found] == ids


async def test_a_silenced_stream_stays_open_beside_the_others(served, clock):
    async with connect(served, f"/ws/{BTC}/ethusdt@aggTrade") as socket:
        await request(socket, "LIST_SUBSCRIPTIONS")
        served.fail({"stream": BTC, "action": "silence", "times": 1})
        clock.at_ms += 120_000
        assert {t["s"] for t in await read_trades(socket, 100)} == {"ETHUSDT"}
        assert served.get("/_control/faults") == []
    async with connect(served, f"/ws/{BTC}") as socket:
        await request(socket, "LIST_SUBSCRIPTIONS")
        clock.at_ms += 60_000
        assert (await read_trades(socket, 1))[0]["s"] == "BTCUSDT"


@pytest.mark.parametrize("code", [1006, 1001, 1008])
async def test_a_close_fault_ends_the_connection_with_its_code(served, code):
    async with connect(served, f"/ws/{BTC}") as socket:
        served.fail({"stream": "", "action": "close", "code": code, "times": 1})
        message = await read_to_end(socket)
        assert socket.close_code == code
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert served.get("/_control/faults") == []


async def test_pings_can_be_ignored(served):
    """
    A client that expects a pong closes the connection.
    """
    async with connect(served, f"/ws/{BTC}", heartbeat=0.5) as socket:
        served.fail({"stream": "", "action": "ignore_pings"})
        message = await read_to_end(socket)
        assert message.type in (aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSED)


@pytest.mark.parametrize(
    "rule", [{"stream": ""}, {"stream": "", "action": "explode"},
             {"stream": "", "action": "close", "code": 7}]
)  # fmt: skip
def test_invalid_rules_are_rejected(served, rule):
    assert served.request("POST", "/_control/faults", [rule])[0] == 400
