"""A simulated exchange whose clock the test moves."""

import asyncio
import urllib.request
from contextlib import asynccontextmanager

import msgspec
import pytest

from include.exchange.binance import Binance
from include.settings import Settings
from include.simulator.generated_market import GeneratedMarket
from include.simulator.server import serve_market

NOON_MS = 1_762_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000


class MovedClock:
    """A clock whose time the test sets."""

    def __init__(self, now_ms):
        self.ms = now_ms

    def now_ms(self):
        return self.ms

    def on_ticker_request(self):
        pass

    def until_ms(self):
        return None


class Exchange:
    """The simulator at an address, its clock, and the adapter under test."""

    def __init__(self, url, clock, market):
        self.url = url
        self.clock = clock
        self.market = market
        self.settings = Settings(exchange_url=url, exchange_timeout_s=2)
        self.binance = Binance("binance", self.settings)

    async def fault(self, *faults):
        """Inject these faults from now on; without an argument, remove all faults."""
        body = msgspec.json.encode(list(faults))
        request = urllib.request.Request(f"{self.url}/_control/faults", body, method="POST")
        await asyncio.to_thread(lambda: urllib.request.urlopen(request).close())

    async def requests(self):
        """Return the requests that the exchange received so far."""

        def request():
            with urllib.request.urlopen(f"{self.url}/_control/requests") as answer:
                return msgspec.json.decode(answer.read())

        return await asyncio.to_thread(request)


@asynccontextmanager
async def opened(weight_limit=None, **options):
    clock = MovedClock(options.pop("now_ms", NOON_MS + 20_000))
    market = GeneratedMarket(
        clock, seed=11, symbols=("BTC/USDT", "ETH/USDT"), trades_per_minute=90, **options
    )
    async with serve_market(market, port=0, weight_limit=weight_limit) as url:
        exchange = Exchange(url, clock, market)
        try:
            await exchange.binance.connect(["BTC/USDT", "ETH/USDT"])
            yield exchange
        finally:
            await exchange.binance.close()


@pytest.fixture
async def exchange():
    async with opened() as found:
        yield found
