"""
Binance's WebSocket streams of aggregate trades.

Spoken by aiohttp alone, not by ccxt.pro: its `watch_trades` subscribes raw trades, whose ids REST
cannot be asked to go on from; keeps the last 1,000 in a cache of its own, from which a slow reader
loses the rest without being told; reconnects in silence; and opens a connection for each symbol.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import msgspec

from include.errors import Unavailable
from include.exchange.failures import SILENCE_ASKED, RateLimited, one_line, pause_s
from include.exchange.gate import Gate
from include.kpis.records import Trade

# Where an exchange's streams are, by where its REST API is; others: at the same address.
ADDRESSES = {
    "binance": "wss://stream.binance.com:9443",
    "binanceus": "wss://stream.binance.us:9443",
    "api.binance.com": "wss://stream.binance.com:9443",
    "api.binance.us": "wss://stream.binance.us:9443",
    "data-api.binance.vision": "wss://data-stream.binance.vision",
}
STREAMS_A_REQUEST = 200
BETWEEN_REQUESTS_S = 0.25  # five messages a second end a connection
HEARTBEAT_S = 15.0  # a connection that says nothing is asked for a pong, and given half of it
CLOSE_TIMEOUT_S = 1.0


class _Event(msgspec.Struct):
    """An aggTrade: names as in REST's answer, `s` the market's id."""

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
    data: _Event | None = None
    id: int | None = None
    error: dict[str, object] | None = None


_decode = msgspec.json.Decoder(_Message).decode


def stream_address(exchange: str, rest_url: str) -> str:
    """Return where the streams of *exchange* are, or of the one at *rest_url* if that is set."""
    if not rest_url:
        return ADDRESSES[exchange]
    parts = urlsplit(rest_url)
    scheme = "ws" if parts.scheme == "http" else "wss"
    return ADDRESSES.get(parts.hostname or "", f"{scheme}://{parts.netloc}")


class TradeStream:
    """
    The trades of many symbols over one connection, from its subscription on.

    Nothing is filled in: what it missed between two connections, or lost on the way, shows as a
    hole in the ids.
    """

    def __init__(
        self,
        name: str,
        address: str,
        gate: Gate,
        symbols: Mapping[str, str],
        *,
        timeout_s: float,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        """*symbols* are unified names by the exchange's market ids."""
        self._name = name
        self._address = address
        self._gate = gate
        self._symbols = symbols
        self._timeout_s = timeout_s
        self._heartbeat_s = heartbeat_s

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncIterator[tuple[str, Trade]]]:
        """
        Connect and subscribe; enter with the (symbol, trade) pairs as they come.

        Raises:
            Unavailable: No connection, or it ended, or nobody answers our ping: connect again.
        """
        self._gate.check(f"{self._name}: connecting to the trade stream")
        closing = aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S)
        try:
            async with aiohttp.ClientSession() as session:
                async with asyncio.timeout(self._timeout_s):
                    socket = await session.ws_connect(
                        f"{self._address}/stream", heartbeat=self._heartbeat_s, timeout=closing
                    )
                try:
                    early = await self._subscribe(socket)
                    yield self._trades(socket, early)
                finally:
                    await socket.close()
        except aiohttp.WSServerHandshakeError as e:
            raise self._refused(e) from e
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            text = one_line(str(e) or type(e).__name__)
            raise Unavailable(f"{self._name}: trade stream: no answer: {text}") from e

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> list[_Event]:
        """Subscribe all symbols; return the trades that came before the last confirmation."""
        early: list[_Event] = []
        names = [f"{market_id.lower()}@aggTrade" for market_id in self._symbols]
        for number, start in enumerate(range(0, len(names), STREAMS_A_REQUEST), 1):
            some = names[start : start + STREAMS_A_REQUEST]
            if number > 1:
                await asyncio.sleep(BETWEEN_REQUESTS_S)
            await socket.send_json({"method": "SUBSCRIBE", "params": some, "id": number})
            async with asyncio.timeout(self._timeout_s):
                while (message := await self._receive(socket)).id != number:
                    early += [message.data] if message.data else []
        return early

    async def _trades(
        self, socket: aiohttp.ClientWebSocketResponse, early: Iterable[_Event]
    ) -> AsyncIterator[tuple[str, Trade]]:
        for event in early:
            yield self._trade(event)
        while True:
            message = await self._receive(socket)
            if message.data:
                yield self._trade(message.data)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> _Message:
        received = await socket.receive()
        if received.type is not aiohttp.WSMsgType.TEXT:
            raise Unavailable(f"{self._name}: trade stream: closed ({socket.close_code})")
        try:
            message = _decode(received.data)
        except msgspec.MsgspecError as e:
            raise Unavailable(f"{self._name}: trade stream: expected an aggTrade: {e}") from e
        if message.error:
            text = one_line(str(message.error.get("msg")))
            raise Unavailable(f"{self._name}: trade stream: refused: {text}")
        return message

    def _trade(self, event: _Event) -> tuple[str, Trade]:
        symbol = self._symbols.get(event.s)
        if symbol is None or event.e != "aggTrade":
            raise Unavailable(
                f"{self._name}: trade stream: expected an aggTrade of a symbol we subscribed, "
                f"found {one_line(event.e)} of {one_line(event.s)}"
            )
        try:
            price, amount = float(event.p), float(event.q)
        except ValueError as e:
            raise Unavailable(f"{self._name}: trade stream: expected numbers, found {e}") from e
        side = "sell" if event.m else "buy"
        return symbol, Trade(event.a, event.f, event.l, event.T, price, amount, side)

    def _refused(self, failure: aiohttp.WSServerHandshakeError) -> Unavailable:
        text = f"{self._name}: trade stream: refused with HTTP {failure.status}"
        if failure.status not in SILENCE_ASKED:
            return Unavailable(text)
        self._gate.close(pause_s(failure.headers or {}))
        return RateLimited(text, retry_after_s=self._gate.remaining_s)
