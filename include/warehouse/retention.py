"""Retention in PostgreSQL: partitions of the next days, deletion of old rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from include.settings import Settings
from include.warehouse.connection import Connection, limit_session, postgres_errors, target
from include.warehouse.statements import statement
from include.warehouse.tables import ensure_trade_partitions

DAYS_AHEAD = 7
BATCH_ROWS = 50_000  # per transaction: locks are held briefly


@dataclass(frozen=True, slots=True)
class RetentionResult:
    """What one run did."""

    partitions_created: int
    """Of `trades`, one a day."""
    partitions_dropped: int
    """Of `trades`, one a day."""
    deleted: dict[str, int]
    """Rows deleted, by table."""


def retention_days(settings: Settings) -> Mapping[str, int]:
    """Return the retention of each table in days, 0 for no limit; `trades` has partitions."""
    return {
        "crypto_prices": settings.keep_prices_days,
        "dead_letters": settings.keep_dead_letters_days,
        "minute_audits": settings.keep_quality_days,
        "gap_ledger": settings.keep_quality_days,
        "quality_results": settings.keep_quality_days,
        "store_counts": settings.keep_quality_days,
    }


def apply_retention(connection: Connection, settings: Settings, now: datetime) -> RetentionResult:
    """
    Create the partitions of the next days; delete data past its retention.

    An interrupted run can be repeated.

    Args:
        connection: Idle, as the writer. It is put into autocommit mode.
        settings: `keep_*_days`.
        now: The current time.

    Raises:
        Unavailable: PostgreSQL is unreachable, or readers lock the table: run it again.
        Misconfigured: The tables are not those of this version.
    """
    today = now.astimezone(UTC).date()
    with postgres_errors(target(settings), "applying retention"):
        connection.autocommit = True
        limit_session(connection)
        ahead = [today + timedelta(days=days) for days in range(DAYS_AHEAD + 1)]
        created = ensure_trade_partitions(connection, ahead)
        dropped = 0
        if settings.keep_trades_days:
            before = today - timedelta(days=settings.keep_trades_days)
            midnight = datetime(before.year, before.month, before.day, tzinfo=UTC)
            # coverage first: an audit in between does not report dropped trades as missing
            connection.execute(
                statement("warehouse/retention.forget_coverage"), {"before": midnight}
            )
            dropped = _number(
                connection, "warehouse/retention.drop_trade_partitions", {"before": before}
            )
        deleted = {
            table: _delete(connection, table, now - timedelta(days=days)) if days else 0
            for table, days in retention_days(settings).items()
        }
    return RetentionResult(created, dropped, deleted)


def _delete(connection: Connection, table: str, before: datetime) -> int:
    bound = {"table": table, "before": before, "max_rows": BATCH_ROWS}
    deleted = 0
    while rows := _number(connection, "warehouse/retention.delete_older", bound):
        deleted += rows
    return deleted


def _number(connection: Connection, name: str, bound: Mapping[str, object]) -> int:
    row = connection.execute(statement(name), bound).fetchone()
    return cast(int, row[0]) if row else 0
