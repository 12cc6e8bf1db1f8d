"""
Fetch closed one-minute candles from the exchange's history into `candles`.

A page of candles is one transaction, so a backfill may be killed at any point and repeated. Candles
that are stored with other values are revised, and `candle_revisions` keeps the old values. Minutes
without a candle at the exchange are recorded in `candle_holes`; no candle is made up for them.
"""

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import structlog

from include.errors import BadRecord, Misconfigured
from include.exchange.binance import Binance
from include.exchange.registry import open_exchange
from include.history.backfill_request import BackfillRequest
from include.kpis.records import MINUTE_MS, Candle, MarketKey
from include.settings import Settings
from include.warehouse.connection import Connection, limit_session, postgres_errors, target
from include.warehouse.rows import CANDLE_WIDTH_S, candle_row
from include.warehouse.statements import statement
from include.warehouse.tables import CANDLES, stage_rows

GRACE_MS = 1_000  # after a minute's end, its last trades may still change its candle
MAX_CLOCK_ERROR_MS = 3_600_000  # windows closer to now are limited by the exchange's clock

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What a backfill found and did."""

    inserted: int = 0
    """Candles that were missing."""
    revised: int = 0
    """Candles that were stored with other values."""
    unchanged: int = 0
    """Candles that were stored with the same values."""
    holes: int = 0
    """Closed minutes without a candle at the exchange."""
    requests: int = 0
    """Requests to the exchange."""

    def __add__(self, other: "BackfillResult") -> "BackfillResult":
        mine, others = self.counts(), other.counts()
        return BackfillResult(**{name: mine[name] + others[name] for name in mine})

    def counts(self) -> dict[str, int]:
        """Return the fields by name."""
        return dataclasses.asdict(self)


def fetch(
    connection: Connection, settings: Settings, request: BackfillRequest, *, source: str
) -> BackfillResult:
    """
    Store all candles of a request, market by market; log a line for each market.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode.
        settings: The exchanges.
        request: Markets and window.
        source: Stored with each written row, such as "backfill".

    Raises:
        Unavailable: The exchange or PostgreSQL is unreachable: run it again. Committed pages stand.
        Misconfigured: The exchange lacks a symbol, or the tables are not those of this version.
    """
    with postgres_errors(target(settings), "writing candles"):
        connection.autocommit = True
        limit_session(connection)
        return asyncio.run(_fetch(connection, settings, request, source))


async def backfill(
    connection: Connection,
    exchange: Binance,
    market: MarketKey,
    from_ms: int,
    until_ms: int,
    *,
    source: str,
) -> BackfillResult:
    """
    Store the closed candles that open in [from_ms, until_ms), page by page.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode.
        exchange: Connected to the market.
        market: Its exchange and symbol.
        from_ms: A whole minute.
        until_ms: A whole minute; it may be in the future.
        source: Stored with each written row, such as "backfill".

    Raises:
        Unavailable: The exchange or PostgreSQL is unreachable: run it again. Committed pages stand.
        BadRecord: The exchange's history has a candle that table `candles` rejects.
    """
    assert from_ms % MINUTE_MS == until_ms % MINUTE_MS == 0
    connection.autocommit = True
    total = BackfillResult()
    if until_ms > _wall_clock_ms() - MAX_CLOCK_ERROR_MS:
        now_ms = await exchange.now_ms()
        total += BackfillResult(requests=1)
        until_ms = min(until_ms, (now_ms - GRACE_MS) // MINUTE_MS * MINUTE_MS)
    while from_ms < until_ms:
        page = await exchange.candles(market.symbol, from_ms, until_ms)
        # A page may end before the window does; only an empty page proves that nothing follows.
        page_until_ms = page[-1].open_ts_ms + MINUTE_MS if page else until_ms
        total += _store(connection, market, page, range(from_ms, page_until_ms, MINUTE_MS), source)
        from_ms = page_until_ms
    return total


async def _fetch(
    connection: Connection, settings: Settings, request: BackfillRequest, source: str
) -> BackfillResult:
    total = BackfillResult()
    for name in sorted({market.exchange for market in request.markets}):
        markets = [market for market in request.markets if market.exchange == name]
        exchange = open_exchange(name, settings)
        try:
            await _connect(exchange, markets)
            for market in markets:
                began_s = time.monotonic()
                done = await backfill(
                    connection,
                    exchange,
                    market,
                    request.from_ms,
                    request.until_ms,
                    source=source,
                )
                took_s = round(time.monotonic() - began_s, 3)
                logger.info("backfill.market", market=str(market), took_s=took_s, **done.counts())
                total += done
        finally:
            await exchange.close()
    return total


async def _connect(exchange: Binance, markets: list[MarketKey]) -> None:
    try:
        await exchange.connect([market.symbol for market in markets])
    except Misconfigured as e:  # the symbols may come from the run's parameters, not the settings
        raise Misconfigured(str(e).replace("PIPELINE_MARKETS:", "symbols:")) from None


def _store(
    connection: Connection,
    market: MarketKey,
    page: Sequence[Candle],
    minutes_ms: range,
    source: str,
) -> BackfillResult:
    """Write a page, and the minutes of *minutes_ms* that it lacks."""
    by = {"source": source}
    missing = sorted(set(minutes_ms) - {candle.open_ts_ms for candle in page})
    holes = {
        **by,
        **market._asdict(),
        "width_s": CANDLE_WIDTH_S,
        "open_ts_s": [ms // 1000 for ms in missing],
    }
    try:
        with connection.transaction():
            stage_rows(connection, CANDLES, map(candle_row, page))
            inserted = connection.execute(statement("history/candles.insert"), by).rowcount
            revised = connection.execute(statement("history/candles.revise"), by).rowcount
            if missing:
                connection.execute(statement("history/candles.record_holes"), holes)
    except (psycopg.IntegrityError, psycopg.DataError) as e:
        raise BadRecord(
            f"{market}: expected candles, found one that table candles rejects: "
            f"{e.diag.constraint_name or e.diag.message_primary}; {e.diag.message_detail}"
        ) from e
    unchanged = len(page) - inserted - revised
    return BackfillResult(inserted, revised, unchanged, len(missing), requests=1)


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
