"""
Repair of open gaps from the exchange's history: candles by time, trades by id, proved again.

PostgreSQL first, in one transaction a window, then InfluxDB's seconds of it, then the proof that
closes the gap: whoever is killed in between leaves the gap open, and the next audit does it again
to the same end.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog

from include.errors import BadRecord, Misconfigured, PipelineError, Unavailable
from include.exchange.binance import Binance
from include.exchange.failures import RateLimited
from include.exchange.registry import open_exchange
from include.history.candles import backfill
from include.influxdb.writer import InfluxDB
from include.kpis.records import MINUTE_MS, Trade, Trades
from include.quality import ledger, seconds
from include.quality.ledger import Window
from include.quality.proof import prove
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.rows import trade_rows
from include.warehouse.statements import statement
from include.warehouse.tables import TRADES

SOURCE = "audit"
MOST_MINUTES = 2_000  # of gaps tried in one audit; the next goes on

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Repaired:
    """
    What one run of repairs did.

    Attributes:
        tried: Windows of gaps asked for from the exchange.
        closed: Gaps (minutes) closed.
        failed: Windows that must be tried again.
    """

    tried: int = 0
    closed: int = 0
    failed: int = 0


async def repair(connection: Connection, settings: Settings) -> Repaired:
    """
    Try the open gaps that are due.

    What fails for one window is recorded with its gaps and does not keep the others waiting.

    Raises:
        Unavailable: An exchange or InfluxDB was away, told after all others were tried; at once
            where the exchange wants silence.
        Misconfigured: An exchange does not know a symbol.
    """
    windows = ledger.due_windows(connection, MOST_MINUTES)
    if not windows:
        return Repaired()
    influxdb = InfluxDB(settings)
    exchanges: dict[str, Binance] = {}
    closed, failures = 0, list[PipelineError]()
    try:
        for window in windows:
            try:
                exchange = await _opened(exchanges, window, windows, settings)
                closed += await _repair(connection, exchange, influxdb, window)
            except RateLimited as e:
                ledger.note_attempt(connection, window, str(e))
                raise
            except (Unavailable, Misconfigured, BadRecord) as e:
                ledger.note_attempt(connection, window, str(e))
                logger.warning("gap.not_repaired", market=str(window.market), error=str(e))
                failures.append(e)
    finally:
        influxdb.close()
        for exchange in exchanges.values():
            await exchange.close()
    for failure in failures:
        if not isinstance(failure, BadRecord):  # which no retry mends: the open gap tells
            raise failure
    return Repaired(len(windows), closed, len(failures))


async def _opened(
    exchanges: dict[str, Binance], window: Window, windows: list[Window], settings: Settings
) -> Binance:
    """Return the window's exchange, connected to all symbols that it is asked about."""
    name = window.market.exchange
    if name not in exchanges:
        exchange = open_exchange(name, settings)
        symbols = dict.fromkeys(w.market.symbol for w in windows if w.market.exchange == name)
        try:
            await exchange.connect(list(symbols))
        except PipelineError:
            await exchange.close()
            raise
        exchanges[name] = exchange
    return exchanges[name]


async def _repair(
    connection: Connection, exchange: Binance, influxdb: InfluxDB, window: Window
) -> int:
    """Try one window; return how many of its gaps are closed."""
    market, from_ms, until_ms = window
    await backfill(connection, exchange, market, from_ms, until_ms, source=SOURCE)
    found: list[Trade] = []
    async for page in exchange.trades_between(market.symbol, from_ms, until_ms):
        found += page
    with connection.transaction():
        _replace(connection, window, found)
    seconds.rewrite(connection, influxdb, window)
    starts = range(from_ms, until_ms, MINUTE_MS)
    minutes = [(*market, datetime.fromtimestamp(ms / 1000, UTC)) for ms in starts]
    with connection.transaction():
        prove(connection, minutes)
        ledger.note_attempt(connection, window, "the exchange's history does not prove it either")
        return ledger.close_gaps(connection, window)


def _replace(connection: Connection, window: Window, found: list[Trade]) -> None:
    """Make the stored trades of the window those of the history; record what that changed."""
    market = window.market
    rows = trade_rows(Trades(*market, window.until_ms, tuple(found)))
    try:
        connection.execute(TRADES.statement("stage"))
        connection.execute(TRADES.statement("empty"))
        with connection.cursor() as cursor, cursor.copy(TRADES.copy(staged=True)) as copy:
            copy.set_types(list(TRADES.columns.values()))
            for row in rows:
                copy.write_row(row)
        days = {datetime.fromtimestamp(trade.ts_ms / 1000, UTC).date() for trade in found}
        connection.execute(statement("load/ensure_trade_partitions"), {"days": sorted(days)})
        removed = connection.execute(statement("quality/trades/remove"), window.bounds())
        took = Counter(minute for (minute,) in removed.fetchall())
        added = connection.execute(statement("quality/trades/add"))
        gave = Counter(minute for (minute,) in added.fetchall())
    except (psycopg.IntegrityError, psycopg.DataError) as e:
        raise BadRecord(
            f"{market}: expected trades, found one that table trades refuses: "
            f"{e.diag.constraint_name or e.diag.message_primary}"
        ) from e
    changed = sorted(set(took) | set(gave), key=str)
    ledger.note_repair(connection, window, [(m, gave[m], took[m]) for m in changed])
