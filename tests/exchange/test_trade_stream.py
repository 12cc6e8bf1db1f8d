"""The trade stream against the simulated exchange: what it tells, and how it says that it ended."""

import asyncio

import pytest

from include.errors import Unavailable
from include.exchange.failures import RateLimited
from include.exchange.gate import Gate
from include.exchange.trade_stream import TradeStream, stream_address

SYMBOLS = {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}


def stream(exchange, gate=None, symbols=SYMBOLS, heartbeat_s=15.0):
    address = stream_address("binance", exchange.url)
    return TradeStream(
        "binance", address, gate or Gate(), symbols, timeout_s=2, heartbeat_s=heartbeat_s
    )


async def collected(trades, symbols=("BTC/USDT",)):
    """Return the (symbol, trade) pairs up to the first of the last symbol that comes."""
    found = []
    async with asyncio.timeout(10):
        async for pair in trades:
            found.append(pair)
            if {symbol for symbol, _ in found} >= set(symbols):
                break
    return found


@pytest.mark.parametrize(
    ("exchange", "rest_url", "address"),
    [
        ("binance", "", "wss://stream.binance.com:9443"),
        ("binanceus", "", "wss://stream.binance.us:9443"),
        ("binance", "https://data-api.binance.vision", "wss://data-stream.binance.vision"),
        ("binance", "http://127.0.0.1:18090", "ws://127.0.0.1:18090"),
        ("binance", "https://relay.example:8443", "wss://relay.example:8443"),
    ],
)
def test_is_where_the_rest_api_is(exchange, rest_url, address):
    assert stream_address(exchange, rest_url) == address


async def test_tells_the_trades_that_history_tells(exchange):
    """
    Of all symbols over one connection, field by field as REST has them.
    """
    async with stream(exchange).connection() as trades:
        exchange.clock.ms += 60_000
        found = await collected(trades, SYMBOLS.values())

    for symbol in SYMBOLS.values():
        told = [trade for name, trade in found if name == symbol]
        assert told == (await exchange.binance.trades_from(symbol, told[0].trade_id))[: len(told)]
    assert [path for _, path, _ in await exchange.requests()].count("/stream") == 1


async def test_subscribes_hundreds_of_symbols_within_the_message_limit(exchange):
    many = SYMBOLS | {f"X{i}USDT": f"X{i}/USDT" for i in range(450)}
    async with stream(exchange, symbols=many).connection() as trades:
        exchange.clock.ms += 5_000
        await collected(trades)


@pytest.mark.parametrize("code", [1006, 1001, 1008])
async def test_says_that_it_was_closed(exchange, code):
    async with stream(exchange).connection() as trades:
        await exchange.fault({"stream": "", "action": "close", "code": code, "times": 1})
        with pytest.raises(Unavailable, match=f"closed \\({code}\\)"):
            await collected(trades)


async def test_says_that_nobody_answers_pings(exchange):
    async with stream(exchange, heartbeat_s=0.2).connection() as trades:
        await exchange.fault({"stream": "", "action": "ignore_pings"})
        with pytest.raises(Unavailable, match="closed"):
            await collected(trades)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 429, "headers": {"Retry-After": "30"}}, RateLimited),
        ({"status": 418, "headers": {"Retry-After": "30"}}, RateLimited),
        ({"status": 503, "body": "<html>" + "x" * 5_000}, Unavailable),
        ({"body": "<html></html>"}, Unavailable),
        ({"disconnect": True}, Unavailable),
        ({"delay_s": 5}, Unavailable),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else value.__name__,
)
async def test_a_refused_connection_has_a_name(exchange, fault, kind):
    await exchange.fault({"path": "/stream", **fault})
    with pytest.raises(kind) as failure:
        async with stream(exchange).connection():
            pass

    assert type(failure.value) is kind
    assert len(str(failure.value)) < 350
    assert "\n" not in str(failure.value)


async def test_does_not_connect_while_the_exchange_wants_silence(exchange):
    await exchange.fault({"path": "/stream", "status": 429, "headers": {"Retry-After": "30"}})
    gate = Gate()
    for _ in range(2):
        with pytest.raises(RateLimited) as refusal:
            async with stream(exchange, gate).connection():
                pass
        assert 25 < refusal.value.retry_after_s <= 30

    assert [path for _, path, _ in await exchange.requests()].count("/stream") == 1


async def test_an_absent_exchange_is_unavailable():
    nobody = TradeStream("binance", "ws://127.0.0.1:9", Gate(), SYMBOLS, timeout_s=2)
    with pytest.raises(Unavailable, match="no answer"):
        async with nobody.connection():
            pass


async def test_an_unknown_name_is_unavailable():
    nobody = TradeStream("binance", "ws://exchange.invalid", Gate(), SYMBOLS, timeout_s=2)
    with pytest.raises(Unavailable, match="no answer"):
        async with nobody.connection():
            pass
