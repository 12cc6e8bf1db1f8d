"""From a Kafka record to the rows it becomes; each kind of event has its table."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from include import wire
from include.broker.records import Record
from include.errors import BadRecord
from include.kpis.engine import KpiEngine
from include.kpis.records import Candle, Event, Gap, MarketSnapshot, Point, PricePoint, Trades
from include.kpis.registry import NAMES
from include.warehouse.tables import CANDLES, CRYPTO_PRICES, DEAD_LETTERS, GAPS, TRADES, Table

CANDLE_WIDTH_S = 60
MOST_BYTES = 64 * 1024  # of a dead letter: enough to see what it was
MOST_REASON = 1_000
DAY_MS = 86_400_000
# PostgreSQL sends a timestamptz as int8: microseconds since 2000. Copying the integer saves a
# datetime a row, a third of the client's time.
POSTGRES_EPOCH_MS = 946_684_800_000

type Row = tuple[object, ...]


class Entry(NamedTuple):
    """One record and its rows, all of one table; none for a snapshot told again."""

    record: Record
    table: Table
    rows: Sequence[Row]


def entry(record: Record, fold: KpiEngine) -> Entry:
    """Decode *record* and fold it; one that will never decode becomes a dead letter."""
    try:
        event = wire.decode(record.value)
    except BadRecord as e:
        return dead_letter(record, str(e))
    return entry_of(record, event, fold.update(event))


def entry_of(record: Record, event: Event, points: Sequence[Point]) -> Entry:
    """Return the rows of *event*, which *record* holds and which made *points*."""
    return Entry(record, *_rows(event, points))


def dead_letter(record: Record, reason: str) -> Entry:
    """Return the row that keeps *record*: why, where from, and the start of its value."""
    value = record.value
    kept = None if value is None else value[:MOST_BYTES]
    row = (
        record.topic,
        record.partition,
        record.offset,
        reason.replace("\x00", "\\x00")[:MOST_REASON],
        kept,
        len(value or b""),
    )
    return Entry(record, DEAD_LETTERS, [row])


def timestamp(ts_ms: int) -> int:
    """Return a time as PostgreSQL's binary timestamptz: microseconds since 2000, UTC."""
    return (ts_ms - POSTGRES_EPOCH_MS) * 1000


def _rows(event: Event, points: Sequence[Point]) -> tuple[Table, Sequence[Row]]:
    """Of the points, a snapshot's alone is stored: others' trades and candles are there as such."""
    match event:
        case Trades():
            return TRADES, trade_rows(event)
        case MarketSnapshot():
            return CRYPTO_PRICES, [_price_row(p) for p in points if isinstance(p, PricePoint)]
        case Candle():
            return CANDLES, [candle_row(event)]
        case Gap():
            return GAPS, [_gap_row(event)]


def _price_row(point: PricePoint) -> Row:
    """Leave out what is not a number, as InfluxDB's lines do."""
    values = map(point.values.__getitem__, NAMES)
    return (
        point.exchange,
        point.symbol,
        timestamp(point.ts_ms),
        *[v if v is not None and isfinite(v) else None for v in values],
    )


def trade_rows(event: Trades) -> list[Row]:
    """Return the rows of a batch of trades, as `tables.TRADES` is copied."""
    exchange, symbol, epoch_ms = event.exchange, event.symbol, POSTGRES_EPOCH_MS
    return [  # spelt out: half the time of calling `timestamp` or unpacking with a star
        (
            exchange,
            symbol,
            trade_id,
            first_id,
            last_id,
            (ts_ms - epoch_ms) * 1000,
            price,
            amount,
            side,
        )
        for trade_id, first_id, last_id, ts_ms, price, amount, side in event.trades
    ]


def candle_row(candle: Candle) -> Row:
    """Return the row of a one-minute candle, as `tables.CANDLES` is copied."""
    return (
        candle.exchange,
        candle.symbol,
        CANDLE_WIDTH_S,
        timestamp(candle.open_ts_ms),
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.quote_volume,
        candle.trade_count,
    )


def _gap_row(gap: Gap) -> Row:
    reported_at = timestamp(gap.recv_ts_ms)
    return gap.exchange, gap.symbol, gap.first_id, gap.last_id, gap.reason, reported_at
