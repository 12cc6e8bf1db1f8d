"""
Repair open gaps from the exchange's history: candles by time, trades by id, then a new proof.

A window is repaired in three steps: PostgreSQL in one transaction, the one-second bars in InfluxDB,
and the proof that closes the gap. If the audit is killed in between, the gap stays open and the
next audit repeats the repair.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import structlog

from include.errors import BadRecord, Misconfigured, PipelineError, Unavailable
from include.exchange.binance import Binance
from include.exchange.failures import RateLimited
from include.exchange.registry import open_exchange
from include.history.candles import backfill
from include.influxdb.lines import encode
from include.influxdb.writer import InfluxDB
from include.kpis.records import MINUTE_MS, SecondPoint, Trade, Trades
from include.kpis.second_bars import ALLOWED_LATENESS_MS, SECOND_MS, SecondBars
from include.quality import proof
from include.quality.proof import MinuteWindow
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.rows import trade_rows
from include.warehouse.statements import statement
from include.warehouse.tables import TRADES, ensure_trade_partitions, stage_rows

SOURCE = "audit"
MAX_MINUTES = 2_000  # of gaps per audit

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RepairResult:
    """What one run of repairs did."""

    tried: int = 0
    """Windows of gaps requested from the exchange."""
    closed: int = 0
    """Gaps (minutes) closed."""
    failed: int = 0
    """Windows that have to be tried again."""


async def repair(connection: Connection, settings: Settings) -> RepairResult:
    """
    Try the open gaps that are due.

    An error of one window is recorded with its gaps, and the other windows are still tried.

    Raises:
        Unavailable: An exchange or InfluxDB is unreachable. It is raised after all windows were
            tried, or at once if the exchange limits the rate.
        Misconfigured: An exchange lacks a symbol.
    """
    windows = proof.due_windows(connection, MAX_MINUTES)
    if not windows:
        return RepairResult()
    influxdb = InfluxDB(settings)
    exchanges: dict[str, Binance] = {}
    closed, failures = 0, list[PipelineError]()
    try:
        for window in windows:
            try:
                exchange = await _connected(exchanges, window, windows, settings)
                closed += await _repair(connection, exchange, influxdb, window)
            except RateLimited as e:
                proof.record_attempt(connection, window, str(e))
                raise
            except (Unavailable, Misconfigured, BadRecord) as e:
                proof.record_attempt(connection, window, str(e))
                logger.warning("gap.not_repaired", market=str(window.market), error=str(e))
                failures.append(e)
    finally:
        influxdb.close()
        for exchange in exchanges.values():
            await exchange.close()
    for failure in failures:
        if not isinstance(failure, BadRecord):  # a retry cannot repair it; the gap stays open
            raise failure
    return RepairResult(len(windows), closed, len(failures))


def rewrite_seconds(connection: Connection, influxdb: InfluxDB, window: MinuteWindow) -> None:
    """
    Write the points of `crypto_trades` for a window again, from the stored trades.

    The bars are the consumer's, of the trades in order of their ids. A second without a stored
    trade keeps its point, if it has one.

    Raises:
        Unavailable: InfluxDB is unreachable.
    """
    stored = connection.execute(statement("quality/repair.trades"), window.bounds())
    bars = SecondBars()
    closed = []
    for row in stored:
        trade = Trade(*cast(tuple[Any, ...], row))
        closed += bars.advance_watermark(trade.ts_ms)
        bars.add_trade(trade)
    closed += bars.advance_watermark(window.until_ms + SECOND_MS + ALLOWED_LATENESS_MS)
    points = [SecondPoint(*window.market, start_ms, bar.to_values()) for start_ms, bar in closed]
    influxdb.write(encode(points))


async def _connected(
    exchanges: dict[str, Binance],
    window: MinuteWindow,
    windows: list[MinuteWindow],
    settings: Settings,
) -> Binance:
    """Return the window's exchange, connected to all symbols of *windows* on it."""
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
    connection: Connection, exchange: Binance, influxdb: InfluxDB, window: MinuteWindow
) -> int:
    """Try one window; return the number of its gaps that were closed."""
    market, from_ms, until_ms = window
    await backfill(connection, exchange, market, from_ms, until_ms, source=SOURCE)
    trades: list[Trade] = []
    async for page in exchange.trades_between(market.symbol, from_ms, until_ms):
        trades += page
    with connection.transaction():
        _replace(connection, window, trades)
    rewrite_seconds(connection, influxdb, window)
    starts = range(from_ms, until_ms, MINUTE_MS)
    minutes = [(*market, datetime.fromtimestamp(ms / 1000, UTC)) for ms in starts]
    with connection.transaction():
        proof.prove(connection, minutes)
        proof.record_attempt(
            connection, window, "the exchange's history does not prove the minute either"
        )
        return proof.close_gaps(connection, window)


def _replace(connection: Connection, window: MinuteWindow, trades: list[Trade]) -> None:
    """Replace the window's stored trades by those of the history; record the changes."""
    market = window.market
    rows = trade_rows(Trades(*market, window.until_ms, tuple(trades)))
    days = {datetime.fromtimestamp(trade.ts_ms / 1000, UTC).date() for trade in trades}
    try:
        stage_rows(connection, TRADES, rows)
        ensure_trade_partitions(connection, sorted(days))
        rows_removed = connection.execute(
            statement("quality/repair.remove_trades"), window.bounds()
        ).fetchall()
        rows_added = connection.execute(statement("quality/repair.add_trades")).fetchall()
    except (psycopg.IntegrityError, psycopg.DataError) as e:
        raise BadRecord(
            f"{market}: expected trades, found one that table trades rejects: "
            f"{e.diag.constraint_name or e.diag.message_primary}"
        ) from e
    removed = Counter(minute for (minute,) in rows_removed)
    added = Counter(minute for (minute,) in rows_added)
    changed = sorted(set(removed) | set(added), key=str)
    proof.record_repair(connection, window, [(m, added[m], removed[m]) for m in changed])
