"""A simulated exchange, and stores with half an hour of its data."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from include.history.candles import backfill
from include.influxdb.reader import Reader
from include.kpis.records import MINUTE_MS, MarketKey, Trades
from include.settings import Settings
from include.warehouse.connection import Connection, connect
from include.warehouse.rows import trade_rows
from include.warehouse.tables import TRADES, ensure_trade_partitions
from local.line import Line
from tests.exchange.conftest import NOON_MS, opened

MARKETS = (MarketKey("binance", "BTC/USDT"), MarketKey("binance", "ETH/USDT"))
BTC = MARKETS[0]
FROM_MS = NOON_MS - 30 * MINUTE_MS


def when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@pytest.fixture
async def exchange():
    async with opened() as found:
        yield found


@pytest.fixture
def audited(settings: Settings, exchange) -> Settings:
    """Settings with the simulated exchange."""
    return settings.model_copy(update={"exchange_url": exchange.url})


@pytest.fixture
def owner(servers: Line, owner_settings: Settings) -> Iterator[Connection]:
    """A connection as the owner, to plant faults."""
    with connect(owner_settings, application="test") as connection:
        yield connection


@pytest.fixture
def influx(settings: Settings) -> Iterator[Reader]:
    reader = Reader(settings)
    yield reader
    reader.close()


async def fill(connection: Connection, exchange, from_ms=FROM_MS, until_ms=NOON_MS) -> None:
    """Store the exchange's candles and trades of the window, for all markets."""
    days = {when(ms).date() for ms in range(from_ms, until_ms, MINUTE_MS)}
    ensure_trade_partitions(connection, sorted(days))
    for market in MARKETS:
        await backfill(connection, exchange.binance, market, from_ms, until_ms, source="stream")
        async for page in exchange.binance.trades_between(market.symbol, from_ms, until_ms):
            with connection.cursor() as cursor, cursor.copy(TRADES.copy(staged=False)) as copy:
                copy.set_types(list(TRADES.columns.values()))
                for row in trade_rows(Trades(*market, until_ms, tuple(page))):
                    copy.write_row(row)


def rows(connection: Connection, query: str, *values: object) -> list[tuple]:
    return connection.execute(query.encode(), values).fetchall()


def statuses(connection: Connection) -> dict[str, int]:
    """Return the number of minutes by status."""
    return dict(rows(connection, "SELECT status, count(*) FROM minute_audits GROUP BY status"))


def stored_trades(connection: Connection) -> list[tuple]:
    return rows(connection, "SELECT * FROM trades ORDER BY exchange, symbol, trade_id, ts")
