"""A connection of the writer, and the candles of the simulated exchange."""

import asyncio
import urllib.request
from collections.abc import Iterator

import msgspec
import pytest

from include.kpis.records import MINUTE_MS, MarketKey
from include.settings import Settings
from include.warehouse.connection import Connection, connect
from local.line import Line
from tests.exchange.conftest import opened

DAY_MS = 86_400_000
MARKETS = (MarketKey("binance", "BTC/USDT"), MarketKey("binance", "ETH/USDT"))


@pytest.fixture
def reader(servers: Line, settings: Settings) -> Iterator[Connection]:
    role = {
        "postgres_user": "market_reader",
        "postgres_passfile": servers.layout.pgpass("market_reader"),
    }
    with connect(settings.model_copy(update=role), application="test") as connection:
        yield connection


@pytest.fixture
async def exchange():
    """A simulated exchange with its clock at noon."""
    async with opened() as found:
        yield found


async def klines(exchange, market: MarketKey, from_ms: int, until_ms: int) -> list[list]:
    """Return the exchange's rows, requested without the adapter in pages of 240."""

    def ask(at_ms):
        query = (
            f"symbol={market.symbol.replace('/', '')}&interval=1m&limit=240"
            f"&startTime={at_ms}&endTime={until_ms - 1}"
        )
        with urllib.request.urlopen(f"{exchange.url}/api/v3/klines?{query}") as answer:
            return msgspec.json.decode(answer.read())

    found = []
    for at_ms in range(from_ms, until_ms, 240 * MINUTE_MS):
        found += await asyncio.to_thread(ask, at_ms)
    return found


def as_stored(market: MarketKey, kline: list) -> tuple:
    """Return the values of *kline*'s row, with times in ms."""
    prices = [float(text) for text in kline[1:6]]
    return (*market, 60, kline[0], *prices, float(kline[7]), kline[8])


def stored(connection: Connection) -> list[tuple]:
    """Return all candles' values in order."""
    return connection.execute(
        "SELECT exchange, symbol, width_s, (extract(epoch FROM open_ts) * 1000)::bigint,"
        " open, high, low, close, volume, quote_volume, trade_count"
        " FROM candles ORDER BY symbol, open_ts"
    ).fetchall()
