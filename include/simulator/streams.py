"""Binance's WebSocket streams: connections, subscriptions, and the events of each stream."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import WSMsgType, web

from include.simulator import binance_json
from include.simulator.binance_json import Json
from include.simulator.faults import ABNORMAL_CLOSURE, ConnectionFaults, FaultRules
from include.simulator.history import History
from include.simulator.market import Market, Symbol

MAX_TRADES_PER_POLL = 1_000  # after a jump of the clock, trades are sent in parts
TICKER_INTERVAL_MS = 1_000


POLL_INTERVAL_S = 0.02  # between two polls of the market for new events
PING_INTERVAL_S = 20.0
PONG_TIMEOUT_S = 60.0
MAX_CONNECTION_S = 86_400.0
MAX_STREAMS = 1024
MAX_MESSAGES_PER_S = 5  # from a client
POLICY_VIOLATION, GOING_AWAY = 1008, 1001


class Feed(Protocol):
    """One stream of one connection."""

    def events(self, now_ms: int) -> list[Json]:
        """Return the events since the last call."""
        ...


class FeedFactory:
    """Opens the streams of one market by Binance's names."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._history = History(market)
        self._symbols = {symbol.market_id.lower(): symbol for symbol in market.symbols}
        self._kinds: Mapping[str, Callable[[Symbol, int], Feed]] = {
            "aggTrade": self._aggregates,
            "trade": self._raw_trades,
            "bookTicker": lambda symbol, _: _BookTickerFeed(market, symbol),
            "ticker": lambda symbol, _: _DayTickerFeed(market, self._history, symbol),
            **{
                f"depth{levels}{cadence}": self._depth(levels, 100 if cadence else 1_000)
                for levels in (5, 10, 20)
                for cadence in ("", "@100ms")
            },
        }

    def open(self, name: str, now_ms: int) -> Feed | None:
        """
        Open the stream *name*, such as "btcusdt@aggTrade", from *now_ms* on.

        Return None for an unknown name. Binance accepts the subscription and sends no event.
        """
        market_id, _, kind = name.partition("@")
        symbol, make = self._symbols.get(market_id), self._kinds.get(kind)
        return make(symbol, now_ms) if symbol and make else None

    def _aggregates(self, symbol: Symbol, now_ms: int) -> Feed:
        return _TradeFeed(self._history, symbol, now_ms, binance_json.make_aggregate_trade_events)

    def _raw_trades(self, symbol: Symbol, now_ms: int) -> Feed:
        return _TradeFeed(self._history, symbol, now_ms, binance_json.make_raw_trade_events)

    def _depth(self, levels: int, interval_ms: int) -> Callable[[Symbol, int], Feed]:
        return lambda symbol, _: _DepthFeed(self._market, symbol, levels, interval_ms)


class _TradeFeed:
    """The trades, each once."""

    def __init__(
        self,
        history: History,
        symbol: Symbol,
        now_ms: int,
        make_events: Callable[..., list[Json]],
    ) -> None:
        self._history, self._symbol, self._make_events = history, symbol, make_events
        self._next_id = history.end_id(symbol, now_ms)

    def events(self, now_ms: int) -> list[Json]:
        end_id = min(
            self._history.end_id(self._symbol, now_ms), self._next_id + MAX_TRADES_PER_POLL
        )
        if end_id <= self._next_id:
            return []
        found = self._history.trades(self._symbol, self._next_id, end_id, now_ms)
        self._next_id = end_id
        return [
            event for trade in found for event in self._make_events(self._symbol, trade, now_ms)
        ]


class _BookTickerFeed:
    """The best bid and ask at each change."""

    def __init__(self, market: Market, symbol: Symbol) -> None:
        self._market, self._symbol = market, symbol
        self._last: Json = {}

    def events(self, now_ms: int) -> list[Json]:
        book = self._market.book(self._symbol, 1, now_ms)
        top = binance_json.format_book_ticker(self._symbol, book)
        if top == self._last:
            return []
        self._last = top
        return [binance_json.make_book_ticker_event(top, book.last_update_id)]


class _DepthFeed:
    """The best levels, at a fixed interval of the exchange's time."""

    def __init__(self, market: Market, symbol: Symbol, levels: int, interval_ms: int) -> None:
        self._market, self._symbol = market, symbol
        self._levels, self._interval_ms = levels, interval_ms
        self._interval = 0

    def events(self, now_ms: int) -> list[Json]:
        if now_ms // self._interval_ms == self._interval:
            return []
        self._interval = now_ms // self._interval_ms
        book = self._market.book(self._symbol, self._levels, now_ms)
        return [binance_json.format_depth(self._symbol, book)]


class _DayTickerFeed:
    """The rolling 24 hours, once a second of the exchange's time."""

    def __init__(self, market: Market, history: History, symbol: Symbol) -> None:
        self._market, self._history, self._symbol = market, history, symbol
        self._interval = 0

    def events(self, now_ms: int) -> list[Json]:
        if now_ms // TICKER_INTERVAL_MS == self._interval:
            return []
        self._interval = now_ms // TICKER_INTERVAL_MS
        stats = self._history.day_stats(self._symbol, now_ms)
        book = self._market.book(self._symbol, 1, now_ms)
        return [
            binance_json.make_day_ticker_event(
                binance_json.format_full_ticker(self._symbol, stats, book), now_ms
            )
        ]


class StreamServer:
    """The WebSocket connections to one market. Limits are from Binance's documentation of 2026."""

    def __init__(self, market: Market, rules: FaultRules) -> None:
        self._market = market
        self._rules = rules
        self._feeds = FeedFactory(market)
        self._connections: set[_Connection] = set()

    def add_routes(self, app: web.Application) -> None:
        """Serve /stream (combined messages) and /ws (raw messages), with names in the address."""
        app.router.add_get("/stream", self._serve_combined)
        for path in ("/ws", "/ws/{names:.*}", "/stream/ws/{number:[0-9]+}"):
            app.router.add_get(path, self._serve_raw)

    def subscriptions(self) -> list[list[str]]:
        """Return the streams of each open connection."""
        return [sorted(connection.feeds) for connection in self._connections]

    async def close(self) -> None:
        """End all connections."""
        for connection in list(self._connections):
            await connection.socket.close(code=GOING_AWAY)

    async def _serve_combined(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    async def _serve_raw(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.match_info.get("names", ""), combined=False)

    async def _serve(
        self, request: web.Request, names: str, *, combined: bool
    ) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        faults = ConnectionFaults(self._rules)
        connection = _Connection(
            socket, request.transport, self._market, self._feeds, faults, combined=combined
        )
        connection.subscribe([name for name in names.split("/") if name])
        self._connections.add(connection)
        sending = asyncio.create_task(connection.send_events())
        try:
            await connection.receive_requests()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._connections.discard(connection)
        return socket


class _Connection:
    """One WebSocket connection and its subscriptions."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        market: Market,
        factory: FeedFactory,
        faults: ConnectionFaults,
        *,
        combined: bool,
    ) -> None:
        self.socket = socket
        self.feeds: dict[str, Feed | None] = {}
        self._transport = transport
        self._market = market
        self._factory = factory
        self._faults = faults
        self._combined = combined
        self._opened_s = self._pong_s = self._ping_s = time.monotonic()
        self._recent: list[float] = []

    def subscribe(self, names: list[str]) -> None:
        """Open the streams *names* that are not open."""
        now_ms = self._market.clock.now_ms()
        for name in names:
            self.feeds.setdefault(name, self._factory.open(name, now_ms))

    async def receive_requests(self) -> None:
        """Reply to the client until it disconnects or exceeds a limit."""
        async for message in self.socket:
            self._pong_s = time.monotonic()
            if message.type is WSMsgType.PING and not self._faults.ignores_pings:
                await self.socket.pong(message.data)
            if message.type is not WSMsgType.TEXT:
                continue
            self._recent = [s for s in self._recent if s > self._pong_s - 1] + [self._pong_s]
            if len(self._recent) > MAX_MESSAGES_PER_S:
                await self.socket.close(code=POLICY_VIOLATION, message=b"Too many requests")
                return
            await self.socket.send_str(msgspec.json.encode(self._reply(message.data)).decode())

    async def send_events(self) -> None:
        """Send new events until the connection ends."""
        while not self.socket.closed:
            code = self._faults.take_close_code(list(self.feeds))
            now_s = time.monotonic()
            if now_s - self._opened_s > MAX_CONNECTION_S:
                code = GOING_AWAY
            if now_s - self._pong_s > PONG_TIMEOUT_S:
                code = POLICY_VIOLATION
            if code is not None:
                await self._close(code)
                return
            if now_s - self._ping_s > PING_INTERVAL_S:
                self._ping_s = now_s
                await self.socket.ping(str(self._market.clock.now_ms()).encode())
            await self._send_new_events(self._market.clock.now_ms())
            await asyncio.sleep(POLL_INTERVAL_S)

    async def _send_new_events(self, now_ms: int) -> None:
        for name, feed in list(self.feeds.items()):
            for event in feed.events(now_ms) if feed else ():
                payload = {"stream": name, "data": event} if self._combined else event
                for message in self._faults.apply_to_message(name, msgspec.json.encode(payload)):
                    await self.socket.send_str(message.decode())

    async def _close(self, code: int) -> None:
        if code == ABNORMAL_CLOSURE and self._transport is not None:
            self._transport.abort()
        else:
            await self.socket.close(code=code)

    def _reply(self, text: str) -> dict[str, Any]:
        """Execute a request of the client and return the reply."""
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.DecodeError as error:
            return {"error": {"code": 2, "msg": f"Invalid request: {error}"}, "id": None}
        match request.method:
            case "SUBSCRIBE":
                if len(self.feeds | dict.fromkeys(request.params)) > MAX_STREAMS:
                    message = f"Invalid request: more than {MAX_STREAMS} streams"
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
    """A request of a client."""

    method: str
    params: list[str] = []
    id: int | str | None = None
