"""From a Kafka record to the rows it becomes; each kind of event has its table."""

from collections.abc import Sequence
from typing import NamedTuple

from include import wire
from include.broker.records import Record
from include.errors import BadRecord
from include.kpis.fold import Fold, PricePoint
from include.kpis.records import Candle, Event, Gap, Tick, Trades
from include.kpis.registry import NAMES

CANDLE_WIDTH_S = 60
MOST_BYTES = 64 * 1024  # of a dead letter: enough to see what it was
MOST_REASON = 1_000
DAY_MS = 86_400_000
# PostgreSQL sends a timestamptz as int8: microseconds since 2000. Copying the integer saves a
# datetime a row, a third of the client's time.
POSTGRES_EPOCH_MS = 946_684_800_000

type Row = tuple[object, ...]


class Table(NamedTuple):
    """
    What a table's rows are copied as.

    Attributes:
        types: PostgreSQL's binary format of each column of `sql/load/<name>/copy.sql`; timestamptz
            is "int8" (see `timestamp`).
    """

    name: str
    types: tuple[str, ...]


CRYPTO_PRICES = Table("crypto_prices", ("text", "text", "int8", *["float8"] * len(NAMES)))
TRADES = Table(
    "trades",
    ("text", "text", "int8", "int8", "int8", "int8", "float8", "float8", "text"),
)
CANDLES = Table("candles", ("text", "text", "int4", "int8", "float8", *["float8"] * 5, "int4"))
GAPS = Table("gaps", ("text", "text", "int8", "int8", "text", "int8"))
DEAD_LETTERS = Table("dead_letters", ("text", "int4", "int8", "text", "bytea", "int4"))
TABLES = (CRYPTO_PRICES, TRADES, CANDLES, GAPS, DEAD_LETTERS)


class Entry(NamedTuple):
    """One record and its rows, all of one table."""

    record: Record
    table: Table
    rows: Sequence[Row]


def entry(record: Record, fold: Fold) -> Entry:
    """Decode *record* and fold it; one that will never decode becomes a dead letter."""
    try:
        event = wire.decode(record.value)
    except BadRecord as e:
        return dead_letter(record, str(e))
    point = fold.update(event)
    return Entry(record, *_rows(event, point))


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


def _rows(event: Event, point: PricePoint | None) -> tuple[Table, Sequence[Row]]:
    match event:
        case Trades():
            return TRADES, _trade_rows(event)
        case Tick():
            assert point is not None, "the fold makes a point of every tick"
            return CRYPTO_PRICES, [_price_row(point)]
        case Candle():
            return CANDLES, [_candle_row(event)]
        case Gap():
            return GAPS, [_gap_row(event)]


def _price_row(point: PricePoint) -> Row:
    values = point.values
    return (
        point.exchange,
        point.symbol,
        timestamp(point.ts_ms),
        *[values[name] for name in NAMES],
    )


def _trade_rows(event: Trades) -> list[Row]:
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


def _candle_row(candle: Candle) -> Row:
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
