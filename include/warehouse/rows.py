"""Convert Kafka records to rows: each type of event has its table."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from include import wire
from include.broker.records import Record
from include.errors import BadRecord
from include.kpis.engine import KpiEngine
from include.kpis.records import Candle, Event, Gap, MarketSnapshot, Point, PricePoint, Trades
from include.kpis.registry import NAMES
from include.warehouse.tables import (
    CANDLES,
    CRYPTO_PRICES,
    DEAD_LETTERS,
    GAPS,
    TRADES,
    Row,
    Table,
)

CANDLE_WIDTH_S = 60
MAX_DEAD_LETTER_BYTES = 64 * 1024  # of the record's value
MAX_REASON_LENGTH = 1_000
DAY_MS = 86_400_000
# The binary format of timestamptz is an int8 of microseconds since 2000. Copying the integer saves
# one datetime per row, a third of the client's time.
POSTGRES_EPOCH_MS = 946_684_800_000


class Entry(NamedTuple):
    """A record and its rows, all of one table."""

    record: Record
    table: Table
    rows: Sequence[Row]
    """Empty for a repeated snapshot."""


def decode_entry(record: Record, fold: KpiEngine) -> Entry:
    """Decode a record and update *fold* with it; return its rows, or a dead letter."""
    try:
        event = wire.decode(record.value)
    except BadRecord as e:
        return build_dead_letter(record, str(e))
    return build_entry(record, event, fold.update(event))


def build_entry(record: Record, event: Event, points: Sequence[Point]) -> Entry:
    """
    Return the rows of an event.

    Args:
        record: Where the event comes from.
        event: The decoded record.
        points: What the fold returned for the event.
    """
    return Entry(record, *_rows(event, points))


def build_dead_letter(record: Record, reason: str) -> Entry:
    """Return the row of a dead letter: position and start of the record, and the reason."""
    value = record.value
    kept = None if value is None else value[:MAX_DEAD_LETTER_BYTES]
    row = (
        record.topic,
        record.partition,
        record.offset,
        reason.replace("\x00", "\\x00")[:MAX_REASON_LENGTH],
        kept,
        len(value or b""),
    )
    return Entry(record, DEAD_LETTERS, [row])


def to_timestamptz(ts_ms: int) -> int:
    """Convert ms since 1970 to PostgreSQL's binary timestamptz, microseconds since 2000."""
    return (ts_ms - POSTGRES_EPOCH_MS) * 1000


def _rows(event: Event, points: Sequence[Point]) -> tuple[Table, Sequence[Row]]:
    """Only price points are stored. Trades and candles have tables of their own."""
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
    """Store values that are not finite as null, as the line protocol of InfluxDB omits them."""
    values = map(point.values.__getitem__, NAMES)
    return (
        point.exchange,
        point.symbol,
        to_timestamptz(point.ts_ms),
        *[v if v is not None and isfinite(v) else None for v in values],
    )


def trade_rows(event: Trades) -> list[Row]:
    """Return the rows of a batch of trades, in the column order of `tables.TRADES`."""
    exchange, symbol, epoch_ms = event.exchange, event.symbol, POSTGRES_EPOCH_MS
    return [  # explicit: half the time of calling `to_timestamptz` or unpacking with a star
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
    """Return the row of a one-minute candle, in the column order of `tables.CANDLES`."""
    return (
        candle.exchange,
        candle.symbol,
        CANDLE_WIDTH_S,
        to_timestamptz(candle.open_ts_ms),
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.quote_volume,
        candle.trade_count,
    )


def _gap_row(gap: Gap) -> Row:
    reported_at = to_timestamptz(gap.recv_ts_ms)
    return gap.exchange, gap.symbol, gap.first_id, gap.last_id, gap.reason, reported_at
