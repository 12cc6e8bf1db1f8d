"""
Closed one-minute candles from the exchange's history, into `candles`.

A page is a transaction: whoever is killed between two has done the first, and the next run finds
it unchanged. What is stored with other values is revised, the old ones kept in
`candle_revisions`; minutes the exchange has no candle of go to `candle_holes`, and nothing else is
made of them.
"""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from include.errors import BadRecord
from include.exchange.binance import Binance
from include.kpis.records import MINUTE_MS, Candle, MarketKey
from include.warehouse.connection import Connection
from include.warehouse.rows import CANDLE_WIDTH_S, candle_row
from include.warehouse.statements import statement
from include.warehouse.tables import CANDLES

GRACE_MS = 1_000  # after a minute's end its last trades may still be on their way into its candle
CLOCK_DOUBT_MS = 3_600_000  # our clock is not asked what the exchange has closed since


@dataclass(frozen=True, slots=True)
class Backfilled:
    """
    What a backfill found and did.

    Attributes:
        inserted: Candles that were missing.
        revised: Candles that were stored with other values.
        unchanged: Candles that were stored as they are.
        holes: Closed minutes of the window the exchange has no candle of.
        requests: How often the exchange was asked.
    """

    inserted: int = 0
    revised: int = 0
    unchanged: int = 0
    holes: int = 0
    requests: int = 0

    def __add__(self, other: "Backfilled") -> "Backfilled":
        mine, others = self.counts(), other.counts()
        return Backfilled(**{name: mine[name] + others[name] for name in mine})

    def counts(self) -> dict[str, int]:
        """Return the attributes by name."""
        return dataclasses.asdict(self)


async def backfill(
    connection: Connection,
    exchange: Binance,
    market: MarketKey,
    from_ms: int,
    until_ms: int,
    *,
    source: str,
) -> Backfilled:
    """
    Bring the closed candles that open in [from_ms, until_ms) into `candles`, page by page.

    The idle *connection*, as the writer role, is put into autocommit mode; *exchange* is connected
    to the market. Both times are whole minutes. *source* says who asks: it is kept with each row
    that is written.

    Raises:
        Unavailable: The exchange or PostgreSQL is away: run it again. What was committed stands.
        BadRecord: The exchange's history has a candle that cannot be one.
    """
    assert from_ms % MINUTE_MS == until_ms % MINUTE_MS == 0
    connection.autocommit = True
    done = Backfilled()
    if until_ms > _wall_clock_ms() - CLOCK_DOUBT_MS:
        now_ms = await exchange.now_ms()
        done += Backfilled(requests=1)
        until_ms = min(until_ms, (now_ms - GRACE_MS) // MINUTE_MS * MINUTE_MS)
    while from_ms < until_ms:
        page = await exchange.candles(market.symbol, from_ms, until_ms)
        # A page that ends early says nothing yet of what follows it; an empty one says all.
        page_until_ms = page[-1].open_ts_ms + MINUTE_MS if page else until_ms
        done += _store(connection, market, page, range(from_ms, page_until_ms, MINUTE_MS), source)
        from_ms = page_until_ms
    return done


def _store(
    connection: Connection,
    market: MarketKey,
    page: Sequence[Candle],
    minutes_ms: range,
    source: str,
) -> Backfilled:
    """Write a page, and which of *minutes_ms* it leaves out."""
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
            _stage(connection, page)
            inserted = connection.execute(statement("history/candles.insert"), by).rowcount
            revised = connection.execute(statement("history/candles.revise"), by).rowcount
            if missing:
                connection.execute(statement("history/candles.record_holes"), holes)
    except (psycopg.IntegrityError, psycopg.DataError) as e:
        raise BadRecord(
            f"{market}: expected candles, found one that table candles refuses: "
            f"{e.diag.constraint_name or e.diag.message_primary}; {e.diag.message_detail}"
        ) from e
    unchanged = len(page) - inserted - revised
    return Backfilled(inserted, revised, unchanged, len(missing), requests=1)


def _stage(connection: Connection, page: Sequence[Candle]) -> None:
    connection.execute(CANDLES.stage())
    connection.execute(CANDLES.empty())
    with connection.cursor() as cursor, cursor.copy(CANDLES.copy(staged=True)) as copy:
        copy.set_types(list(CANDLES.columns.values()))
        for candle in page:
            copy.write_row(candle_row(candle))


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
