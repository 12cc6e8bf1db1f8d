"""The WebSocket streams, as a plain client and as unmodified ccxt sees them."""

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
    assert served.ask("DELETE", "/_control/faults") == (200, [])
    clock.at_ms = type(clock)().at_ms


@asynccontextmanager
async def connected(served, path, **options):
    address = served.address.replace("http", "ws") + path
    async with aiohttp.ClientSession() as session, session.ws_connect(address, **options) as socket:
        yield socket


async def ask(socket, method, *params):
    await socket.send_json({"method": method, "params": params, "id": 1})
    async with asyncio.timeout(10):
        while True:
            message = json.loads(await socket.receive_str())
            if message.get("id") == 1:
                return message


async def trades(socket, count):
    async with asyncio.timeout(10):
        found = [json.loads(await socket.receive_str()) for _ in range(count)]
    return [m.get("data", m) for m in found]


def rest(served, first_id, count):
    return served.get(f"/api/v3/aggTrades?symbol=BTCUSDT&fromId={first_id}&limit={count}")


async def subscribed(served):
    """Return once some connection has a stream."""
    while True:
        if any(served.get("/_control/state")["streams"]):
            return
        await asyncio.sleep(0.01)


async def ended(socket):
    """Return what ended the connection, having read to its end."""
    async with asyncio.timeout(10):
        while True:
            message = await socket.receive()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING):
                return message


async def test_tells_the_trades_that_rest_tells(served, clock):
    """
    On the market's clock, from the moment of the subscription on, each once.
    """
    async with connected(served, "/stream") as socket:
        assert await ask(socket, "SUBSCRIBE", BTC, "ethusdt@aggTrade") == {"result": None, "id": 1}
        clock.at_ms += 120_000
        async with asyncio.timeout(10):
            first = json.loads(await socket.receive_str())
        assert set(first) == {"stream", "data"}

    async with connected(served, f"/ws/{BTC}") as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        clock.at_ms += 120_000
        found = await trades(socket, 50)

    assert {(t["e"], t["s"], t["E"]) for t in found} == {("aggTrade", "BTCUSDT", clock.at_ms)}
    keys = ("a", "p", "q", "f", "l", "T", "m", "M")
    assert [{k: t[k] for k in keys} for t in found] == rest(served, found[0]["a"], 50)


async def test_the_tape_has_the_same_streams(serve, tapes):
    from include.simulator.tape import TapeMarket

    served = serve(TapeMarket(tapes, speed=None, step_ms=20_000))
    async with connected(served, f"/ws/{BTC}") as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        served.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
        found = await trades(socket, 100)

    ids = [t["a"] for t in found]
    assert ids == list(range(ids[0], ids[0] + 100))
    assert [t["p"] for t in found] == [t["p"] for t in rest(served, ids[0], 100)]


async def test_subscriptions_come_and_go(served, clock):
    async with connected(served, "/ws") as socket:
        await ask(socket, "SUBSCRIBE", BTC, "nobody@knows")
        assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == [BTC, "nobody@knows"]
        await ask(socket, "UNSUBSCRIBE", BTC)
        assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == ["nobody@knows"]
        assert (await ask(socket, "SUBSCRIBED"))["error"]["code"] == 2
        assert served.get("/_control/state")["streams"] == [["nobody@knows"]]


async def test_more_than_five_messages_a_second_end_the_connection(served):
    async with connected(served, "/ws") as socket:
        for number in range(6):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        assert (await ended(socket)).data == 1008


async def test_ticker_and_book_are_those_of_rest(served, clock):
    names = "btcusdt@ticker/btcusdt@bookTicker/btcusdt@depth5"
    async with connected(served, f"/stream?streams={names}") as socket:
        async with asyncio.timeout(10):
            found = [json.loads(await socket.receive_str()) for _ in range(3)]
    told = {message["stream"].partition("@")[2]: message["data"] for message in found}
    ticker = served.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
    book = served.get("/api/v3/depth?symbol=BTCUSDT&limit=5")

    assert (told["ticker"]["c"], told["ticker"]["L"]) == (ticker["lastPrice"], ticker["lastId"])
    assert told["bookTicker"]["b"] == ticker["bidPrice"] == book["bids"][0][0]
    assert told["depth5"] == book


async def test_unmodified_ccxt_watches_trades(served, clock):
    settings = served.settings()
    settings["urls"]["api"]["ws"] = {"spot": served.address.replace("http", "ws") + "/stream/ws"}
    exchange = ccxt.pro.binance(settings)
    try:
        await exchange.load_markets()
        watching = asyncio.create_task(exchange.watch_trades("BTC/USDT"))
        async with asyncio.timeout(10):
            await subscribed(served)
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
async def test_spoils_one_message(served, clock, action, ids):
    async with connected(served, f"/ws/{BTC}") as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        served.fail({"stream": BTC, "action": action, "times": 1})
        next_id = served.get("/_control/state")["last_trade_id"]["BTC/USDT"] + 1
        clock.at_ms += 60_000
        found = await trades(socket, 3)

    assert [t["a"] - next_id for t in found] == ids


async def test_a_silent_stream_stays_open_and_the_others_speak(served, clock):
    async with connected(served, f"/ws/{BTC}/ethusdt@aggTrade") as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        served.fail({"stream": BTC, "action": "silence", "times": 1})
        clock.at_ms += 120_000
        assert {t["s"] for t in await trades(socket, 100)} == {"ETHUSDT"}
        assert served.get("/_control/faults") == []
    async with connected(served, f"/ws/{BTC}") as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        clock.at_ms += 60_000
        assert (await trades(socket, 1))[0]["s"] == "BTCUSDT"


@pytest.mark.parametrize("code", [1006, 1001, 1008])
async def test_ends_as_it_is_told(served, code):
    async with connected(served, f"/ws/{BTC}") as socket:
        served.fail({"stream": "", "action": "close", "code": code, "times": 1})
        message = await ended(socket)
        assert socket.close_code == code
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert served.get("/_control/faults") == []


async def test_leaves_pings_unanswered(served):
    """
    A client that asks for a pong finds the connection dead.
    """
    async with connected(served, f"/ws/{BTC}", heartbeat=0.5) as socket:
        served.fail({"stream": "", "action": "ignore_pings"})
        message = await ended(socket)
        assert message.type in (aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSED)


@pytest.mark.parametrize(
    "rule", [{"stream": ""}, {"stream": "", "action": "explode"},
             {"stream": "", "action": "close", "code": 7}]
)  # fmt: skip
def test_wrong_rules_are_refused(served, rule):
    assert served.ask("POST", "/_control/faults", [rule])[0] == 400
