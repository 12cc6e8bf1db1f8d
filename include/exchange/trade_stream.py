"""
Binance's WebSocket streams of aggregate trades, by aiohttp.

ccxt.pro is not used, because its `watch_trades`:

* subscribes to raw trades, and REST cannot continue from their ids;
* keeps the last 1,000 trades in a cache, so that a slow reader loses trades without an error;
* reconnects without reporting it;
* opens a connection for each symbol.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import msgspec

from include.errors import Unavailable
from include.exchange.failures import RateLimited, to_one_line
from include.exchange.rate_limit import (
    RATE_LIMIT_STATUSES,
    RateLimitPause,
    parse_retry_after,
)
from include.kpis.records import Trade

# Addresses of the streams, by exchange or host of the REST API. Streams of other hosts have the
# host's own address.
ADDRESSES = {
    "binance": "wss://stream.binance.com:9443",
    "binanceus": "wss://stream.binance.us:9443",
    "api.binance.com": "wss://stream.binance.com:9443",
    "api.binance.us": "wss://stream.binance.us:9443",
    "data-api.binance.vision": "wss://data-stream.binance.vision",
}
MAX_STREAMS_PER_REQUEST = 200
REQUEST_INTERVAL_S = 0.25  # Binance closes a connection that sends five messages a second
HEARTBEAT_S = 15.0  # interval of pings; a pong must arrive within half of it
CLOSE_TIMEOUT_S = 1.0


class _Event(msgspec.Struct):
    """An aggTrade event. Names are those of the REST response; `s` is the market's id."""

    e: str
    s: str
    a: int
    f: int
    l: int  # noqa: E741  # Binance's name
    T: int
    p: str
    q: str
    m: bool


class _Message(msgspec.Struct):
    """A message of a combined stream: an event, or the reply to a request."""

    data: _Event | None = None
    id: int | None = None
    """Number of the request that the message replies to."""
    error: dict[str, object] | None = None


_decode = msgspec.json.Decoder(_Message).decode


def get_stream_address(exchange: str, rest_url: str) -> str:
    """Return the address of the streams of *rest_url*, or of *exchange* if that is empty."""
    if not rest_url:
        return ADDRESSES[exchange]
    parts = urlsplit(rest_url)
    scheme = "ws" if parts.scheme == "http" else "wss"
    return ADDRESSES.get(parts.hostname or "", f"{scheme}://{parts.netloc}")


class TradeStream:
    """
    The trades of many symbols over one connection, from the subscription on.

    The stream fills no gaps: trades missed between two connections, or lost, are a hole in the ids.
    """

    def __init__(
        self,
        name: str,
        address: str,
        pause: RateLimitPause,
        symbols: Mapping[str, str],
        *,
        timeout_s: float,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        """
        Prepare the stream without connecting.

        Args:
            name: Name of the exchange.
            address: See `get_stream_address`.
            pause: The pause that is shared with REST requests to the same exchange.
            symbols: Unified symbols by the exchange's market ids.
            timeout_s: Limit for connecting, and for each confirmation of a subscription.
            heartbeat_s: Interval of pings.
        """
        self._name = name
        self._address = address
        self._pause = pause
        self._symbols = symbols
        self._timeout_s = timeout_s
        self._heartbeat_s = heartbeat_s

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncIterator[tuple[str, Trade]]]:
        """
        Connect, subscribe, and return an iterator of (symbol, trade) pairs as they arrive.

        Raises:
            Unavailable: The connection failed, ended, or did not answer a ping: connect again.
        """
        self._pause.check(f"{self._name}: connecting to the trade stream")
        closing = aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S)
        try:
            async with aiohttp.ClientSession() as session:
                async with asyncio.timeout(self._timeout_s):
                    socket = await session.ws_connect(
                        f"{self._address}/stream", heartbeat=self._heartbeat_s, timeout=closing
                    )
                try:
                    early = await self._subscribe(socket)
                    yield self._receive_trades(socket, early)
                finally:
                    await socket.close()
        except aiohttp.WSServerHandshakeError as e:
            raise self._translate_refusal(e) from e
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            text = to_one_line(str(e) or type(e).__name__)
            raise Unavailable(f"{self._name}: trade stream: no answer: {text}") from e

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> list[_Event]:
        """Subscribe to all symbols; return the trades that arrive before the last confirmation."""
        early: list[_Event] = []
        names = [f"{market_id.lower()}@aggTrade" for market_id in self._symbols]
        for number, start in enumerate(range(0, len(names), MAX_STREAMS_PER_REQUEST), 1):
            some = names[start : start + MAX_STREAMS_PER_REQUEST]
            if number > 1:
                await asyncio.sleep(REQUEST_INTERVAL_S)
            await socket.send_json({"method": "SUBSCRIBE", "params": some, "id": number})
            async with asyncio.timeout(self._timeout_s):
                while (message := await self._receive(socket)).id != number:
                    early += [message.data] if message.data else []
        return early

    async def _receive_trades(
        self, socket: aiohttp.ClientWebSocketResponse, early: Iterable[_Event]
    ) -> AsyncIterator[tuple[str, Trade]]:
        for event in early:
            yield self._parse_trade(event)
        while True:
            message = await self._receive(socket)
            if message.data:
                yield self._parse_trade(message.data)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> _Message:
        received = await socket.receive()
        if received.type is not aiohttp.WSMsgType.TEXT:
            raise Unavailable(f"{self._name}: trade stream: closed ({socket.close_code})")
        try:
            message = _decode(received.data)
        except msgspec.MsgspecError as e:
            raise Unavailable(f"{self._name}: trade stream: expected an aggTrade: {e}") from e
        if message.error:
            text = to_one_line(str(message.error.get("msg")))
            raise Unavailable(f"{self._name}: trade stream: refused: {text}")
        return message

    def _parse_trade(self, event: _Event) -> tuple[str, Trade]:
        symbol = self._symbols.get(event.s)
        if symbol is None or event.e != "aggTrade":
            raise Unavailable(
                f"{self._name}: trade stream: expected an aggTrade of a subscribed symbol, "
                f"found {to_one_line(event.e)} of {to_one_line(event.s)}"
            )
        try:
            price, amount = float(event.p), float(event.q)
        except ValueError as e:
            raise Unavailable(f"{self._name}: trade stream: expected numbers, found {e}") from e
        side = "sell" if event.m else "buy"
        return symbol, Trade(event.a, event.f, event.l, event.T, price, amount, side)

    def _translate_refusal(self, failure: aiohttp.WSServerHandshakeError) -> Unavailable:
        text = f"{self._name}: trade stream: refused with HTTP {failure.status}"
        if failure.status not in RATE_LIMIT_STATUSES:
            return Unavailable(text)
        self._pause.start(parse_retry_after(failure.headers or {}))
        return RateLimited(text, retry_after_s=self._pause.remaining_s)
