"""Simulated exchanges on free loopback ports, and unmodified ccxt connected to them."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ccxt
import pytest

from include.simulator.generated_market import GeneratedMarket
from include.simulator.market import Market
from include.simulator.server import serve_market

TAPES = Path(__file__).parents[2].parent / "shared" / "tapes"
NOON_MS = 1_760_000_400_000  # 2025-10-09T09:00Z


class SetClock:
    """A clock whose time the test sets."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms

    def on_ticker_request(self) -> None:
        """Do nothing."""

    def until_ms(self) -> int | None:
        return None


class Served:
    """A simulated exchange in a thread."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(10), "the simulator did not start"

    async def _run(self) -> None:
        async with serve_market(self.market, port=0) as self.address:
            self._ready.set()
            await self._stop.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the simulator did not stop"
        self._loop.close()

    def get(self, path: str) -> Any:
        """Return the JSON of the response, also of an error."""
        return self.request("GET", path)[1]

    def request(self, method: str, path: str, payload: Any = None) -> tuple[int, Any]:
        data = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def fail(self, *faults: dict[str, Any]) -> None:
        """Inject *faults* instead of those before."""
        status, answer = self.request("POST", "/_control/faults", list(faults))
        assert status == 200, answer

    def settings(self) -> dict[str, Any]:
        """Return the settings that connect ccxt to this server."""
        return {
            "enableRateLimit": False,
            "timeout": 2000,
            "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
            "urls": {"api": {"public": self.address + "/api/v3"}},
        }

    def exchange(self) -> Any:
        exchange = ccxt.binance(self.settings())
        exchange.exceptions["exact"].update(exchange.exceptions["spot"]["exact"])
        return exchange


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Market], Served]]:
    running: list[Served] = []

    def start(market: Market) -> Served:
        running.append(Served(market))
        return running[-1]

    yield start
    for served in running:
        served.close()


@pytest.fixture(scope="session")
def set_clock() -> type[SetClock]:
    return SetClock


@pytest.fixture(scope="session")
def generate() -> Callable[..., GeneratedMarket]:
    def make(clock: Any = None, **options: Any) -> GeneratedMarket:
        names = {"seed": 7, "symbols": ("BTC/USDT", "ETH/USDT", "LRC/BTC")} | options
        return GeneratedMarket(clock or SetClock(), **names)

    return make


@pytest.fixture(scope="session")
def tapes() -> tuple[Path, ...]:
    found = tuple(sorted(TAPES.glob("binance-spot-btcusdt-*.gz")))
    if len(found) != 2:
        pytest.skip(f"no recorded tapes in {TAPES}")
    return found
