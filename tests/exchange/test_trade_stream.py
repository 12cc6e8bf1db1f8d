"""The trade stream against the simulated exchange: its trades, and its errors."""

import asyncio

import pytest

from include.errors import Unavailable
from include.exchange.failures import RateLimited
from include.exchange.rate_limit import RateLimitPause
from include.exchange.trade_stream import TradeStream, get_stream_address

SYMBOLS = {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}


def stream(exchange, pause=None, symbols=SYMBOLS, heartbeat_s=15.0):
    address = get_stream_address("binance", exchange.url)
    return TradeStream(
        "binance", address, pause or RateLimitPause(), symbols, timeout_s=2, heartbeat_s=heartbeat_s
    )


async def collect(trades, symbols=("BTC/USDT",)):
    """Collect (symbol, trade) pairs until each of *symbols* has one."""
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
def test_the_address_follows_the_rest_api(exchange, rest_url, address):
    assert get_stream_address(exchange, rest_url) == address


async def test_the_stream_has_the_same_trades_as_history(exchange):
    """
    All symbols over one connection; every field equals that of REST.
    """
    async with stream(exchange).connection() as trades:
        exchange.clock.ms += 60_000
        found = await collect(trades, SYMBOLS.values())

    for symbol in SYMBOLS.values():
        streamed = [trade for name, trade in found if name == symbol]
        page = await exchange.binance.trades_from(symbol, streamed[0].trade_id)
        assert streamed == page[: len(streamed)]
    assert [path for _, path, _ in await exchange.requests()].count("/stream") == 1


async def test_subscribes_hundreds_of_symbols_within_the_message_limit(exchange):
    many = SYMBOLS | {f"X{i}USDT": f"X{i}/USDT" for i in range(450)}
    async with stream(exchange, symbols=many).connection() as trades:
        exchange.clock.ms += 5_000
        await collect(trades)


@pytest.mark.parametrize("code", [1006, 1001, 1008])
async def test_a_closed_connection_is_unavailable(exchange, code):
    async with stream(exchange).connection() as trades:
        await exchange.fault({"stream": "", "action": "close", "code": code, "times": 1})
        with pytest.raises(Unavailable, match=f"closed \\({code}\\)"):
            await collect(trades)


async def test_an_unanswered_ping_is_unavailable(exchange):
    async with stream(exchange, heartbeat_s=0.2).connection() as trades:
        await exchange.fault({"stream": "", "action": "ignore_pings"})
        with pytest.raises(Unavailable, match="closed"):
            await collect(trades)


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
async def test_a_refused_connection_raises_one_error(exchange, fault, kind):
    await exchange.fault({"path": "/stream", **fault})
    with pytest.raises(kind) as failure:
        async with stream(exchange).connection():
            pass

    assert type(failure.value) is kind
    assert len(str(failure.value)) < 350
    assert "\n" not in str(failure.value)


async def test_does_not_connect_during_a_pause(exchange):
    await exchange.fault({"path": "/stream", "status": 429, "headers": {"Retry-After": "30"}})
    pause = RateLimitPause()
    for _ in range(2):
        with pytest.raises(RateLimited) as refusal:
            async with stream(exchange, pause).connection():
                pass
        assert 25 < refusal.value.retry_after_s <= 30

    assert [path for _, path, _ in await exchange.requests()].count("/stream") == 1


async def test_an_absent_exchange_is_unavailable():
    absent = TradeStream("binance", "ws://127.0.0.1:9", RateLimitPause(), SYMBOLS, timeout_s=2)
    with pytest.raises(Unavailable, match="no answer"):
        async with absent.connection():
            pass


async def test_an_unknown_name_is_unavailable():
    absent = TradeStream("binance", "ws://exchange.invalid", RateLimitPause(), SYMBOLS, timeout_s=2)
    with pytest.raises(Unavailable, match="no answer"):
        async with absent.connection():
            pass
