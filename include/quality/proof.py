"""
The proof of closed minutes: stored trades against the exchange's candle, into `minute_audits`.

Incremental: see `due_minutes` in `sql/quality/proof.sql`. Audited are minutes from the first trade
that was ever stored of a market (`trade_coverage`). Candles before it came from history, without
trades.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from include.warehouse.connection import Connection
from include.warehouse.statements import statement

MAX_MINUTES = 20_000  # new or failed minutes of one audit
SCRUB_MINUTES = 2_000  # and those that were proved, proved again: the oldest proofs first
RECENT = timedelta(minutes=30)  # a trade may still come late

type Minute = tuple[str, str, datetime]
"""Exchange, symbol, start."""


def prove_due(connection: Connection) -> Counter[str]:
    """Prove the minutes that are due; return how many have which status."""
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
    """Prove *minutes*, those that have a candle; return how many have which status."""
    if not minutes:
        return Counter()
    exchanges, symbols, starts = zip(*minutes, strict=True)
    proved = connection.execute(
        statement("quality/proof.prove"),
        {"exchanges": list(exchanges), "symbols": list(symbols), "minutes": list(starts)},
    )
    return Counter(cast(str, status) for (status,) in proved.fetchall())
