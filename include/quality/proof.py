"""
The proof of closed minutes, and the ledger of gaps: minutes that are not proved complete.

A proof compares the stored trades of a minute with the exchange's candle; its result is a row of
`minute_audits`. Proofs are incremental, see `due_minutes` in `sql/quality/proof.sql`. They start
with the first trade that was ever stored of a market (`trade_coverage`). Candles before it came
from history, without trades.

A gap is a row of `gap_ledger`, open until its minute is proved or cannot be proved.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import NamedTuple, cast

from include.kpis.records import MINUTE_MS, MarketKey
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

MAX_MINUTES = 20_000  # new, failed or recent minutes per audit
SCRUB_MINUTES = 2_000  # minutes per audit that are proved again, oldest proofs first
RECENT = timedelta(minutes=30)  # in which late trades are expected
MAX_WINDOW_MS = 60 * MINUTE_MS  # of one request by time, see Binance.window_ms

type Minute = tuple[str, str, datetime]
"""Exchange, symbol, start."""


class MinuteWindow(NamedTuple):
    """Consecutive minutes of one market, [from_ms, until_ms)."""

    market: MarketKey
    from_ms: int
    until_ms: int

    def bounds(self) -> dict[str, object]:
        """Return the parameters of statements about the window."""
        return {**self.market._asdict(), "from_ms": self.from_ms, "until_ms": self.until_ms}


def prove_due(connection: Connection) -> Counter[str]:
    """Prove the minutes that are due; return their number by status."""
    connection.execute(statement("quality/proof.cover"))
    due = connection.execute(
        statement("quality/proof.due_minutes"),
        {
            "recent_ts": datetime.now(UTC) - RECENT,
            "max_minutes": MAX_MINUTES,
            "scrub_minutes": SCRUB_MINUTES,
        },
    )
    return prove(connection, cast(list[Minute], due.fetchall()))


def prove(connection: Connection, minutes: Sequence[Minute]) -> Counter[str]:
    """Prove those of *minutes* that have a candle; return their number by status."""
    if not minutes:
        return Counter()
    exchanges, symbols, starts = zip(*minutes, strict=True)
    proved = connection.execute(
        statement("quality/proof.prove"),
        {"exchanges": list(exchanges), "symbols": list(symbols), "minutes": list(starts)},
    )
    return Counter(cast(str, status) for (status,) in proved.fetchall())


def open_gaps(connection: Connection) -> int:
    """Open a gap for each minute that failed its proof or has no candle; return their number."""
    return connection.execute(statement("quality/proof.open_gaps")).rowcount


def due_windows(connection: Connection, max_minutes: int) -> list[MinuteWindow]:
    """Return at most *max_minutes* open gaps that are due for an attempt, joined to windows."""
    rows = connection.execute(statement("quality/proof.due_gaps"), {"max_minutes": max_minutes})
    return join_minutes(cast(list[tuple[str, str, int]], rows.fetchall()))


def join_minutes(minutes: Iterable[tuple[str, str, int]]) -> list[MinuteWindow]:
    """Join ascending minutes (exchange, symbol, start in ms) to windows of MAX_WINDOW_MS."""
    windows = []
    for (exchange, symbol), rows in groupby(minutes, key=lambda row: row[:2]):
        starts = [row[2] for row in rows]
        market = MarketKey(exchange, symbol)
        from_ms = starts[0]
        for start, following in pairwise([*starts, 2**63]):
            until_ms = start + MINUTE_MS
            if following != until_ms or until_ms - from_ms >= MAX_WINDOW_MS:
                windows.append(MinuteWindow(market, from_ms, until_ms))
                from_ms = following
    return windows


def record_attempt(connection: Connection, window: MinuteWindow, obstacle: str | None) -> None:
    """Record an attempt to repair the window's gaps, and what prevented it."""
    bound = {**window.bounds(), "obstacle": obstacle}
    connection.execute(statement("quality/proof.record_attempt"), bound)


def record_repair(
    connection: Connection, window: MinuteWindow, changed: Sequence[tuple[object, int, int]]
) -> None:
    """
    Record what a repair changed.

    Args:
        connection: Inside the transaction of the repair.
        window: Its minutes.
        changed: For each changed minute its start, the trades added and the trades removed.
    """
    if changed:
        minutes, added, removed = map(list, zip(*changed, strict=True))
        connection.execute(
            statement("quality/proof.record_repair"),
            {**window.market._asdict(), "minutes": minutes, "added": added, "removed": removed},
        )


def close_gaps(connection: Connection, window: MinuteWindow) -> int:
    """Close the window's gaps that are proved or cannot be proved; return their number."""
    return connection.execute(statement("quality/proof.close_gaps"), window.bounds()).rowcount
