"""What PostgreSQL makes ready and what it lets go: partitions ahead, old rows away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from include.settings import Settings
from include.warehouse.connection import Connection, limit_session, postgres_errors, target
from include.warehouse.statements import statement
from include.warehouse.tables import ensure_trade_partitions

DAYS_AHEAD = 7
BATCH_ROWS = 50_000  # of one transaction: no lock is held for long


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What one run did.

    Attributes:
        partitions_made: Days of trades made ready.
        partitions_dropped: Days of trades dropped.
        deleted: Rows deleted, by table.
    """

    partitions_made: int
    partitions_dropped: int
    deleted: dict[str, int]


def ages(settings: Settings) -> Mapping[str, int]:
    """Return the days each table's rows are kept, 0 for ever; trades go by partitions."""
    return {
        "crypto_prices": settings.keep_prices_days,
        "dead_letters": settings.keep_dead_letters_days,
        "minute_audits": settings.keep_quality_days,
        "gap_ledger": settings.keep_quality_days,
        "quality_results": settings.keep_quality_days,
        "store_counts": settings.keep_quality_days,
    }


def keep(connection: Connection, settings: Settings, now: datetime) -> Kept:
    """
    Make the partitions of the days to come; take away what is older than the settings say.

    The idle *connection*, as the writer, is put into autocommit mode. Run again it goes on.

    Raises:
        Unavailable: PostgreSQL is away, or readers hold the table: run it again.
        Misconfigured: The tables are not ours.
    """
    today = now.astimezone(UTC).date()
    with postgres_errors(target(settings), "keeping"):
        connection.autocommit = True
        limit_session(connection)
        ahead = [today + timedelta(days=days) for days in range(DAYS_AHEAD + 1)]
        made = ensure_trade_partitions(connection, ahead)
        dropped = 0
        if settings.keep_trades_days:
            before = today - timedelta(days=settings.keep_trades_days)
            midnight = datetime(before.year, before.month, before.day, tzinfo=UTC)
            # first the expectation, then the trades: between the two no audit misses any
            connection.execute(
                statement("warehouse/retention.forget_coverage"), {"before": midnight}
            )
            dropped = _number(
                connection, "warehouse/retention.drop_trade_partitions", {"before": before}
            )
        deleted = {
            table: _delete(connection, table, now - timedelta(days=days)) if days else 0
            for table, days in ages(settings).items()
        }
    return Kept(made, dropped, deleted)


def _delete(connection: Connection, table: str, before: datetime) -> int:
    bound = {"table": table, "before": before, "most": BATCH_ROWS}
    deleted = 0
    while rows := _number(connection, "warehouse/retention.delete_older", bound):
        deleted += rows
    return deleted


def _number(connection: Connection, name: str, bound: Mapping[str, object]) -> int:
    row = connection.execute(statement(name), bound).fetchone()
    return cast(int, row[0]) if row else 0
