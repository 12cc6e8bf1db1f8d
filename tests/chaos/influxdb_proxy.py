"""InfluxDB as it is on a bad day: a proxy in front of the real one, which answers by rules."""

import asyncio
import io
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp
from aiohttp import web

STARTING_S = 10


@dataclass
class Rule:
    """
    What a write gets instead of InfluxDB's answer, so many times.

    Attributes:
        line: Only writes with a line that this matches.
        status: The answer; None hands the write on, after the delay.
    """

    status: int | None = None
    line: re.Pattern[str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    times: float = float("inf")

    def strikes(self, body: str) -> bool:
        return self.times > 0 and (self.line is None or self.line.search(body) is not None)


class Write(NamedTuple):
    """A write that came in: when, of which measurement first, and what it was answered."""

    at_s: float
    measurement: str
    status: int


class InfluxProxy:
    """
    A proxy to the InfluxDB at *upstream*, in a thread of its own.

    Attributes:
        rules: The first that strikes decides; none: InfluxDB does.
        writes: All writes so far.
    """

    def __init__(self, upstream: str) -> None:
        self.rules: list[Rule] = []
        self.writes: list[Write] = []
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(STARTING_S), "the proxy did not start"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STARTING_S)
        assert not self._thread.is_alive(), "the proxy did not stop"
        self._loop.close()

    def answered(self, status: int) -> int:
        """Return how many writes were answered so."""
        return sum(write.status == status for write in self.writes)

    async def _run(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        text = body.decode(errors="replace")
        answer = await self._ruled(text) or await self._asked(request, body)
        measurement = text.partition(",")[0]
        self.writes.append(Write(time.monotonic(), measurement, answer.status))
        return answer

    async def _ruled(self, body: str) -> web.Response | None:
        rule = next((rule for rule in self.rules if rule.strikes(body)), None)
        if rule is None:
            return None
        rule.times -= 1
        await asyncio.sleep(rule.delay_s)
        if rule.status is None:
            return None
        text = '{"code": "unprocessable entity", "message": "refused by rule"}'
        headers = {"Content-Type": "application/json", **rule.headers}
        return web.Response(status=rule.status, text=text, headers=headers)

    async def _asked(self, request: web.Request, body: bytes) -> web.Response:
        hop_by_hop = {"Host", "Content-Length", "Connection", "Transfer-Encoding"}
        headers = {k: v for k, v in request.headers.items() if k not in hop_by_hop}
        url = self._upstream + request.path_qs
        async with self._session.request(
            request.method, url, data=io.BytesIO(body), headers=headers
        ) as a:
            kept = {k: v for k, v in a.headers.items() if k not in hop_by_hop}
            return web.Response(status=a.status, body=await a.read(), headers=kept)
