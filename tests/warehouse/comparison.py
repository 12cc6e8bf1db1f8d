"""The rows of the tables, actual and expected, with floats as their 64 bits."""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import isfinite

from include import wire
from include.broker.log_reader import LogReader
from include.errors import BadRecord
from include.kpis.engine import KpiEngine
from include.kpis.records import Candle, Event, PricePoint, Trades
from include.kpis.registry import NAMES
from include.settings import Settings
from include.warehouse.connection import Connection
from tests.warehouse.conftest import rows


def at(ts_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ts_ms)


def bits(row: tuple[object, ...]) -> tuple[object, ...]:
    """Return *row* with floats as their 64 bits, so that -0.0 differs from 0.0."""
    return tuple(struct.pack(">d", v) if isinstance(v, float) else v for v in row)


def expected(events: Iterable[Event]) -> dict[str, set[tuple[object, ...]]]:
    """Return the expected rows of *events*, computed without the drain."""
    tables: dict[str, set[tuple[object, ...]]] = {
        "crypto_prices": set(),
        "trades": set(),
        "candles": set(),
    }
    fold = KpiEngine()
    for event in events:
        for point in fold.update(event):
            if not isinstance(point, PricePoint):
                continue
            values = [point.values[name] for name in NAMES]
            values = [None if v is None or not isfinite(v) else float(v) for v in values]
            tables["crypto_prices"].add(
                bits((event.exchange, event.symbol, at(point.ts_ms), *values))
            )
        if isinstance(event, Trades):
            for t in event.trades:
                row = (t.trade_id, t.first_id, t.last_id, at(t.ts_ms), t.price, t.amount, t.side)
                tables["trades"].add(bits((event.exchange, event.symbol, *row)))
        if isinstance(event, Candle):
            ohlcv = (event.open, event.high, event.low, event.close, event.volume)
            rest = (event.quote_volume, event.trade_count)
            row = (event.exchange, event.symbol, 60, at(event.open_ts_ms), *ohlcv, *rest)
            tables["candles"].add(bits(row))
    return tables


def found(connection: Connection) -> dict[str, set[tuple[object, ...]]]:
    """Return all rows; a duplicate is an error."""
    connection.execute("SET timezone = 'UTC'")
    columns = {
        "crypto_prices": f'exchange, symbol, "timestamp", {", ".join(NAMES)}',
        "trades": "exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side",
        "candles": "exchange, symbol, width_s, open_ts, open, high, low, close, volume,"
        " quote_volume, trade_count",
    }
    tables = {}
    for table, names in columns.items():
        read = [bits(row) for row in rows(connection, f"SELECT {names} FROM {table}")]
        tables[table] = set(read)
        assert len(tables[table]) == len(read)
    return tables


def logged(settings: Settings) -> list[Event]:
    """Return the topic's events in order, without records that cannot be decoded."""
    events = []
    with LogReader(settings, settings.topic_market) as log:
        ends = log.ends()
        log.seek(log.beginnings())
        while any(log.positions()[partition] < end for partition, end in ends.items()):
            for record in log.poll(1_000, timeout_s=0.5):
                try:
                    events.append(wire.decode(record.value))
                except BadRecord:
                    continue
    return events
