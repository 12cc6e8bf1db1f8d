"""Binance's WebSocket connections: subscribe, be told, answer pings, and end."""

import asyncio
import time
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from include.simulator.feeds import Feed, Streams
from include.simulator.market import Market
from include.simulator.stream_faults import ABNORMAL, Disturbance, Plan

LOOK_EVERY_S = 0.02  # how often the market is asked what is new
PING_EVERY_S = 20.0
PONG_WITHIN_S = 60.0
LONGEST_LIFE_S = 86_400.0
MOST_STREAMS = 1024
MOST_MESSAGES_A_S = 5  # from the client
POLICY, GOING_AWAY = 1008, 1001


class StreamServer:
    """All WebSocket connections to one market; rules from Binance's documentation of 2026."""

    def __init__(self, market: Market, plan: Plan) -> None:
        self._market = market
        self._plan = plan
        self._streams = Streams(market)
        self._connections: set[_Connection] = set()

    def add_routes(self, app: web.Application) -> None:
        """Serve /stream (combined messages) and /ws (bare ones), with names in the address."""
        app.router.add_get("/stream", self._combined)
        for path in ("/ws", "/ws/{names:.*}", "/stream/ws/{number:[0-9]+}"):
            app.router.add_get(path, self._bare)

    def subscriptions(self) -> list[list[str]]:
        """Return the streams of each open connection."""
        return [sorted(connection.feeds) for connection in self._connections]

    async def close(self) -> None:
        """End all connections."""
        for connection in list(self._connections):
            await connection.socket.close(code=GOING_AWAY)

    async def _combined(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    async def _bare(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.match_info.get("names", ""), combined=False)

    async def _serve(
        self, request: web.Request, names: str, *, combined: bool
    ) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        disturbance = Disturbance(self._plan)
        connection = _Connection(
            socket, request.transport, self._market, self._streams, disturbance, combined=combined
        )
        connection.subscribe([name for name in names.split("/") if name])
        self._connections.add(connection)
        telling = asyncio.create_task(connection.tell())
        try:
            await connection.listen()
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            self._connections.discard(connection)
        return socket


class _Connection:
    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        market: Market,
        streams: Streams,
        disturbance: Disturbance,
        *,
        combined: bool,
    ) -> None:
        self.socket = socket
        self.feeds: dict[str, Feed | None] = {}
        self._transport = transport
        self._market = market
        self._streams = streams
        self._disturbance = disturbance
        self._combined = combined
        self._began_s = self._pong_s = self._ping_s = time.monotonic()
        self._recent: list[float] = []

    def subscribe(self, names: list[str]) -> None:
        now_ms = self._market.clock.now_ms()
        for name in names:
            self.feeds.setdefault(name, self._streams.open(name, now_ms))

    async def listen(self) -> None:
        """Answer the client until it leaves, or goes beyond a limit."""
        async for message in self.socket:
            self._pong_s = time.monotonic()
            if message.type is WSMsgType.PING and not self._disturbance.ignores_pings:
                await self.socket.pong(message.data)
            if message.type is not WSMsgType.TEXT:
                continue
            self._recent = [s for s in self._recent if s > self._pong_s - 1] + [self._pong_s]
            if len(self._recent) > MOST_MESSAGES_A_S:
                await self.socket.close(code=POLICY, message=b"Too many requests")
                return
            await self.socket.send_str(msgspec.json.encode(self._reply(message.data)).decode())

    async def tell(self) -> None:
        """Say what is new, until the connection ends."""
        while not self.socket.closed:
            code = self._disturbance.closing_code(list(self.feeds))
            now_s = time.monotonic()
            if now_s - self._began_s > LONGEST_LIFE_S:
                code = GOING_AWAY
            if now_s - self._pong_s > PONG_WITHIN_S:
                code = POLICY
            if code is not None:
                await self._end(code)
                return
            if now_s - self._ping_s > PING_EVERY_S:
                self._ping_s = now_s
                await self.socket.ping(str(self._market.clock.now_ms()).encode())
            await self._tell_all(self._market.clock.now_ms())
            await asyncio.sleep(LOOK_EVERY_S)

    async def _tell_all(self, now_ms: int) -> None:
        for name, feed in list(self.feeds.items()):
            for event in feed.events(now_ms) if feed else ():
                payload = {"stream": name, "data": event} if self._combined else event
                for message in self._disturbance.messages(name, msgspec.json.encode(payload)):
                    await self.socket.send_str(message.decode())

    async def _end(self, code: int) -> None:
        if code == ABNORMAL and self._transport is not None:
            self._transport.abort()
        else:
            await self.socket.close(code=code)

    def _reply(self, text: str) -> dict[str, Any]:
        """Do what the client asks; return the answer."""
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.DecodeError as error:
            return {"error": {"code": 2, "msg": f"Invalid request: {error}"}, "id": None}
        match request.method:
            case "SUBSCRIBE":
                if len(self.feeds | dict.fromkeys(request.params)) > MOST_STREAMS:
                    message = f"Invalid request: more than {MOST_STREAMS} streams"
                    return {"error": {"code": 2, "msg": message}, "id": request.id}
                self.subscribe(request.params)
            case "UNSUBSCRIBE":
                for name in request.params:
                    self.feeds.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                return {"result": list(self.feeds), "id": request.id}
            case unknown:
                message = f"Invalid request: unknown method {unknown!r}"
                return {"error": {"code": 2, "msg": message}, "id": request.id}
        return {"result": None, "id": request.id}


class _Request(msgspec.Struct):
    method: str
    params: list[str] = []
    id: int | str | None = None
