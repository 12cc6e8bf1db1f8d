"""HTTP server of the simulated exchange: Binance's API, faults, and control paths for tests."""

import asyncio
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import msgspec
from aiohttp import web

from include.errors import Misconfigured
from include.simulator.faults import FaultRules, drop_connection
from include.simulator.market import Market
from include.simulator.rest_api import ApiError, Parameters, RestApi
from include.simulator.streams import StreamServer

LOOPBACK = "127.0.0.1"
MAX_RECORDED_REQUESTS = 10_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Simulator:
    """
    A market behind HTTP and WebSocket that records its requests.

    `GET /ticker/24hr` calls the clock's `on_ticker_request` before the response.

    Args:
        market: The market to serve.
        weight_limit: Respond with 429 above this weight in a minute, as Binance does above 6,000.
    """

    def __init__(self, market: Market, weight_limit: int | None = None) -> None:
        self._market = market
        self._weight_limit = weight_limit
        self._api = RestApi(market)
        self._faults = FaultRules()
        self._streams = StreamServer(market, self._faults)
        self._counts: Counter[str] = Counter()
        self._requests: deque[tuple[int, str, str]] = deque(maxlen=MAX_RECORDED_REQUESTS)
        self._weights: Counter[int] = Counter()

    def make_app(self) -> web.Application:
        """Return the application with all routes."""
        app = web.Application(middlewares=[self._apply_faults, self._translate_errors])
        control = "/_control"
        app.router.add_post(f"{control}/faults", self._load_faults)
        app.router.add_delete(f"{control}/faults", self._clear_faults)
        app.router.add_get(f"{control}/faults", self._show_faults)
        app.router.add_get(f"{control}/state", self._show_state)
        app.router.add_get(f"{control}/requests", self._show_requests)
        self._streams.add_routes(app)
        app.router.add_route("*", "/{path:.*}", self._respond)
        app.on_shutdown.append(lambda _: self._streams.close())
        return app

    async def _respond(self, request: web.Request) -> web.Response:
        endpoint = self._api.endpoints.get(request.path)
        if endpoint is None or request.method != "GET":
            message = f"Path {request.path}, Method {request.method} is invalid"
            raise ApiError(-5000, message, status=404)
        parameters = Parameters(request.query, self._api.symbols)
        parameters.check_names(endpoint.parameters)
        if request.path.endswith("/ticker/24hr"):
            parameters.optional_symbols()  # a rejected symbol does not advance the clock
            self._market.clock.on_ticker_request()
        reply = endpoint.respond(parameters, self._market.clock.now_ms())
        minute, second = divmod(int(time.time()), 60)
        used = self._add_weight(minute, reply.weight)
        headers = {"x-mbx-used-weight": str(used), "x-mbx-used-weight-1m": str(used)}
        if self._weight_limit is None or used <= self._weight_limit:
            return _json(reply.payload, headers=headers)
        headers["Retry-After"] = str(60 - second)
        message = f"Too much request weight used; current limit is {self._weight_limit}"
        return _json({"code": -1003, "msg": message}, status=429, headers=headers)

    def _add_weight(self, minute: int, weight: int) -> int:
        """Add to the weight of the minute and return its total."""
        self._weights = Counter({minute: self._weights[minute] + weight})
        return self._weights[minute]

    @web.middleware
    async def _apply_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_control/"):
            return await handler(request)
        self._counts[request.path] += 1
        self._requests.append((time.time_ns() // 1_000_000, request.path, request.query_string))
        fault = self._faults.take_request_fault(request.path)
        if fault is None:
            return await handler(request)
        await asyncio.sleep(fault.delay_s)
        if fault.disconnect and not fault.half_body:
            return await drop_connection(request, None)
        response = fault.make_response() if fault.replaces_response() else await handler(request)
        response.headers.update(fault.headers)
        if fault.disconnect and isinstance(response, web.Response):
            return await drop_connection(request, response)
        return response

    @web.middleware
    async def _translate_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return _json({"code": error.code, "msg": error.message}, status=error.status)

    async def _load_faults(self, request: web.Request) -> web.Response:
        self._faults.load(await request.read())
        return _json(self._faults.rules())

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._faults.clear()
        return _json([])

    async def _show_faults(self, request: web.Request) -> web.Response:
        return _json(self._faults.rules())

    async def _show_state(self, request: web.Request) -> web.Response:
        now_ms, until_ms = self._market.clock.now_ms(), self._market.clock.until_ms()
        return _json(
            {
                "now_ms": now_ms,
                "until_ms": until_ms,
                "market": self._market.kind,
                "symbols": [symbol.name for symbol in self._market.symbols],
                "done": until_ms is not None and now_ms >= until_ms,
                "requests": dict(self._counts),
                "streams": self._streams.subscriptions(),
                "last_trade_id": self._api.last_trade_ids(now_ms),
            }
        )

    async def _show_requests(self, request: web.Request) -> web.Response:
        return _json(list(self._requests))


@asynccontextmanager
async def serve_market(
    market: Market, *, port: int, host: str = LOOPBACK, weight_limit: int | None = None
) -> AsyncIterator[str]:
    """
    Serve *market* during the context and yield the address, such as "http://127.0.0.1:18090".

    Args:
        market: The market to serve.
        port: 0 selects a free port.
        host: A loopback or private address, or a name of one.
        weight_limit: See `Simulator`.

    Raises:
        Misconfigured: The host is not loopback or private, or the port is in use.
    """
    await _require_private(host)
    runner = web.AppRunner(
        Simulator(market, weight_limit).make_app(), access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise Misconfigured(
                f"port {port}: cannot listen on {host}:{port} ({error.strerror});"
                " choose another with --port"
            ) from error
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _require_private(host: str) -> None:
    """
    Return if *host* is reachable from this machine or a private network only.

    Raises:
        Misconfigured: It is a public address, or stands for all addresses.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Misconfigured(f"host {host}: no such name ({error.strerror})") from error
    addresses = [ip_address(entry[4][0]) for entry in found]
    if any(address.is_unspecified or not address.is_private for address in addresses):
        raise Misconfigured(
            f"host {host}: the simulator listens on {LOOPBACK} or a private address only"
        )


def _json(payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(payload),
        status=status,
        headers={"Content-Type": "application/json;charset=UTF-8", **(headers or {})},
    )
