"""A whole request: each exchange asked in its turn, market by market."""

import asyncio
import time

import structlog

from include.errors import Misconfigured
from include.exchange.binance import Binance
from include.exchange.registry import open_exchange
from include.history.candles import Backfilled, backfill
from include.history.request import Request
from include.kpis.records import MarketKey
from include.settings import Settings
from include.warehouse.connection import Connection, postgres_errors, target
from include.warehouse.statements import statement

log = structlog.get_logger()


def fetch(
    connection: Connection, settings: Settings, request: Request, *, source: str
) -> Backfilled:
    """
    Bring all candles of *request* into `candles`; log a line for each market.

    Raises:
        Unavailable: The exchange or PostgreSQL is away: run it again. What was committed stands.
        Misconfigured: The exchange does not know a symbol, or the tables are not ours.
    """
    with postgres_errors(target(settings), "writing candles"):
        connection.autocommit = True
        connection.execute(statement("load/bound_session"))
        return asyncio.run(_fetch(connection, settings, request, source))


async def _fetch(
    connection: Connection, settings: Settings, request: Request, source: str
) -> Backfilled:
    done = Backfilled()
    for name in sorted({market.exchange for market in request.markets}):
        markets = [market for market in request.markets if market.exchange == name]
        exchange = open_exchange(name, settings)
        try:
            await _connect(exchange, markets)
            for market in markets:
                began_s = time.monotonic()
                found = await backfill(
                    connection,
                    exchange,
                    market,
                    request.from_ms,
                    request.until_ms,
                    source=source,
                )
                took_s = round(time.monotonic() - began_s, 3)
                log.info("backfill.market", market=str(market), took_s=took_s, **found.counts())
                done += found
        finally:
            await exchange.close()
    return done


async def _connect(exchange: Binance, markets: list[MarketKey]) -> None:
    try:
        await exchange.connect([market.symbol for market in markets])
    except Misconfigured as e:  # here they may come from elsewhere than the settings
        raise Misconfigured(str(e).replace("PIPELINE_MARKETS:", "symbols:")) from None
