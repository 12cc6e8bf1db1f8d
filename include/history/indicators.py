"""
The indicators of stored candles by pandas-ta, into `indicators`.

The unit of work is a market's UTC day. Its numbers are always computed from the midnight before
it: 1,440 minutes of warm-up (400 would do), the whole of its session, and the same bits whichever
window asked for them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched, groupby
from typing import cast

from include.history.bars import Bar, computed
from include.kpis.records import MINUTE_MS, MarketKey
from include.kpis.session import DAY_MS
from include.warehouse.connection import Connection
from include.warehouse.rows import CANDLE_WIDTH_S, to_timestamptz
from include.warehouse.statements import statement
from include.warehouse.tables import INDICATORS

# A close is carried over 1,500 missing minutes at most, into the day before the one computed.
REACH_DAYS = 3
MOST_DAYS = 100  # of markets in one transaction: 288,000 candles read, 144,000 rows written

type Days = dict[tuple[MarketKey, int], int]
"""From when on rows are wanted (ms), by market and start of the UTC day (ms)."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """
    What a recomputation read and changed.

    Attributes:
        candles: Candles read, warm-up included.
        computed: Candles whose indicators were computed.
        changed: Rows of `indicators` that are new or got other values.
    """

    candles: int = 0
    computed: int = 0
    changed: int = 0

    def __add__(self, other: "Recomputed") -> "Recomputed":
        return Recomputed(
            self.candles + other.candles,
            self.computed + other.computed,
            self.changed + other.changed,
        )


def recompute(
    connection: Connection, markets: Iterable[MarketKey], from_ms: int, until_ms: int
) -> Recomputed:
    """
    Compute what candles of [from_ms, until_ms) have a part in; write the rows that differ.

    That goes on behind the window: the session's vwap to its midnight, MACD for 400 bars and across
    missing minutes, so to the end of the third day after it. The idle *connection*, as the writer
    role, is put into autocommit mode. Run again, it changes no row; two at once are serialised;
    killed, it leaves whole days.

    Raises:
        psycopg.Error: See `include.warehouse.connection.postgres_errors`.
    """
    days: Days = {}
    for market in markets:
        for at_ms in range(from_ms, until_ms + DAY_MS, DAY_MS):
            _reach(days, market, min(at_ms, until_ms - 1))
    days = {key: max(from_ms, key[1]) for key in days}
    return _recompute(connection, days)


def recompute_stale(connection: Connection) -> Recomputed:
    """
    Compute what never was, or was of candles that have been revised since; of every market.

    Late candles are among it: what counts is when they were written. Otherwise as `recompute`.
    """
    connection.autocommit = True
    width = {"width_s": CANDLE_WIDTH_S}
    looked_at = connection.execute(statement("history/indicators.now")).fetchone()
    assert looked_at is not None
    stale = connection.execute(statement("history/indicators.stale"), width).fetchall()
    days: Days = {}
    for exchange, symbol, first_ts in cast(list[tuple[str, str, datetime]], stale):
        _reach(days, MarketKey(exchange, symbol), round(first_ts.timestamp()) * 1000)
    done = _recompute(connection, days)
    connection.execute(
        statement("history/indicators.record_scan"), width | {"looked_at": looked_at[0]}
    )
    return done


def _reach(days: Days, market: MarketKey, from_ms: int) -> None:
    """Add the days that a candle of *from_ms*, or a later one of its day, has a part in."""
    first_ms = from_ms - from_ms % DAY_MS
    for day_ms in range(first_ms, first_ms + (REACH_DAYS + 1) * DAY_MS, DAY_MS):
        wanted_ms = max(from_ms, day_ms)
        days[market, day_ms] = min(wanted_ms, days.get((market, day_ms), wanted_ms))


def _recompute(connection: Connection, days: Days) -> Recomputed:
    connection.autocommit = True
    total = Recomputed()
    in_order = sorted(days, key=lambda key: (key[1], key[0]))
    for chunk in batched(in_order, MOST_DAYS):
        with connection.transaction():
            connection.execute(statement("history/indicators.lock"))
            total += _recompute_days(connection, chunk, days)
    return total


def _recompute_days(
    connection: Connection, chunk: Sequence[tuple[MarketKey, int]], days: Days
) -> Recomputed:
    connection.execute(INDICATORS.stage())
    connection.execute(INDICATORS.empty())
    candles = written = 0
    lines = _read(connection, chunk)
    with connection.cursor() as cursor, cursor.copy(INDICATORS.copy(staged=True)) as copy:
        copy.set_types(list(INDICATORS.columns.values()))
        for key, bars in lines:
            candles += len(bars)
            for row in computed(bars, days[key] // MINUTE_MS):
                open_ts = to_timestamptz(row.open_minute * MINUTE_MS)
                copy.write_row((*key[0], CANDLE_WIDTH_S, open_ts, *row[1:]))
                written += 1
    changed = connection.execute(statement("history/indicators.upsert")).rowcount
    return Recomputed(candles, written, changed)


def _read(
    connection: Connection, chunk: Sequence[tuple[MarketKey, int]]
) -> list[tuple[tuple[MarketKey, int], list[Bar]]]:
    """Return the candles of each day of the chunk that has some, those before it included."""
    wanted = {
        "exchanges": [market.exchange for market, _ in chunk],
        "symbols": [market.symbol for market, _ in chunk],
        "days": [datetime.fromtimestamp(day_ms / 1000, UTC) for _, day_ms in chunk],
        "width_s": CANDLE_WIDTH_S,
    }
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statement("history/indicators.candles"), wanted)
        rows = cast(Iterator[tuple[int, int, float, float, float, int]], cursor)
        return [
            (chunk[number - 1], [Bar(*row[1:]) for row in found])
            for number, found in groupby(rows, key=lambda row: row[0])
        ]
