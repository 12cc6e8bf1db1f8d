"""The ledger of gaps: minutes not proved complete, from when they are found until they are."""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple, cast

from include.kpis.records import MINUTE_MS, MarketKey
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

LONGEST_WINDOW_MS = 60 * MINUTE_MS  # what one question by time may cover, see Binance.window_ms


class Window(NamedTuple):
    """Minutes of one market in a row, [from_ms, until_ms)."""

    market: MarketKey
    from_ms: int
    until_ms: int

    def bounds(self) -> dict[str, object]:
        """Return what statements about the window are bound with."""
        return {**self.market._asdict(), "from_ms": self.from_ms, "until_ms": self.until_ms}


def open_gaps(connection: Connection) -> int:
    """Open a gap for each minute that failed its proof or has no candle; return how many."""
    return connection.execute(statement("quality/proof.open_gaps")).rowcount


def due_windows(connection: Connection, most: int) -> list[Window]:
    """Return the open gaps to try now, at most so many minutes, as windows."""
    rows = connection.execute(statement("quality/proof.due_gaps"), {"max_minutes": most}).fetchall()
    return windows(cast(list[tuple[str, str, int]], rows))


def windows(minutes: Iterable[tuple[str, str, int]]) -> list[Window]:
    """Join minutes (exchange, symbol, start in ms), in order, to windows."""
    found = []
    for (exchange, symbol), rows in groupby(minutes, key=lambda row: row[:2]):
        starts = [row[2] for row in rows]
        market = MarketKey(exchange, symbol)
        from_ms = starts[0]
        for start, following in pairwise([*starts, 2**63]):
            until_ms = start + MINUTE_MS
            if following != until_ms or until_ms - from_ms >= LONGEST_WINDOW_MS:
                found.append(Window(market, from_ms, until_ms))
                from_ms = following
    return found


def note_attempt(connection: Connection, window: Window, obstacle: str | None) -> None:
    """Record that the window's gaps were tried, and what was in the way."""
    bound = {**window.bounds(), "obstacle": obstacle}
    connection.execute(statement("quality/proof.record_attempt"), bound)


def note_repair(
    connection: Connection, window: Window, changed: Sequence[tuple[object, int, int]]
) -> None:
    """Record the trades added to and removed from each minute that was changed."""
    if changed:
        minutes, added, removed = map(list, zip(*changed, strict=True))
        connection.execute(
            statement("quality/proof.record_repair"),
            {**window.market._asdict(), "minutes": minutes, "added": added, "removed": removed},
        )


def close_gaps(connection: Connection, window: Window) -> int:
    """Close those of the window that are proved, or that nothing can prove; return how many."""
    return connection.execute(statement("quality/proof.close_gaps"), window.bounds()).rowcount
