"""Retention: partitions of the next days, and deletion after the settings' days."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from include.influxdb.retention import set_retention
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.retention import DAYS_AHEAD, RetentionResult, apply_retention
from tests.warehouse.conftest import rows

NOW = datetime.now(UTC)


def days_of_trades(connection: Connection) -> list[date]:
    names = rows(
        connection,
        "SELECT to_date(substr(inhrelid::regclass::text, 8), 'YYYYMMDD') FROM pg_inherits"
        " WHERE inhparent = 'trades'::regclass ORDER BY 1",
    )
    return [day for (day,) in names]


def test_partitions_of_the_next_days_are_created_and_old_ones_dropped(
    settings: Settings, writer: Connection
):
    old = [NOW.date() - timedelta(days=days) for days in (31, 30, 1)]
    for day in old:
        writer.execute("SELECT ensure_trade_partition(%s)", [day])
    writer.execute("INSERT INTO trade_coverage VALUES ('binance', 'BTC/USDT', '2024-01-01')")

    done = apply_retention(writer, settings, NOW)
    again = apply_retention(writer, settings, NOW)

    ahead = [NOW.date() + timedelta(days=days) for days in range(DAYS_AHEAD + 1)]
    assert (done.partitions_created, done.partitions_dropped) == (DAYS_AHEAD + 1, 1)
    assert (again.partitions_created, again.partitions_dropped) == (0, 0)
    assert days_of_trades(writer) == [*old[1:], *ahead]
    first = NOW.date() - timedelta(days=30)
    assert rows(writer, "SELECT since FROM trade_coverage") == [
        (datetime(first.year, first.month, first.day, tzinfo=UTC),)
    ]


def test_rows_are_deleted_after_their_retention(
    settings: Settings, writer: Connection, owner: Connection
):
    for age in (100, 10):
        owner.execute(
            'INSERT INTO dead_letters (topic, partition, "offset", reason, value_bytes, seen_at)'
            " VALUES ('t', 0, %s, 'why', 0, %s)",
            [age, NOW - timedelta(days=age)],
        )
        owner.execute(
            "INSERT INTO crypto_prices (exchange, symbol, timestamp, close)"
            " VALUES ('e', 's', %s, 1)",
            [NOW - timedelta(days=age)],
        )
    owner.execute(
        "INSERT INTO gap_ledger (exchange, symbol, minute, cause)"
        " VALUES ('e', 's', '2024-01-01', 'our downtime')"
    )

    done = apply_retention(writer, settings, NOW)

    assert {table: count for table, count in done.deleted.items() if count} == {"dead_letters": 1}
    assert rows(writer, "SELECT count(*) FROM crypto_prices, gap_ledger") == [(2,)]
    sooner = settings.model_copy(update={"keep_prices_days": 50})
    assert apply_retention(writer, sooner, NOW).deleted["crypto_prices"] == 1


def test_without_retention_nothing_is_deleted(settings: Settings, writer: Connection):
    writer.execute("SELECT ensure_trade_partition('2024-01-01')")
    names = [name for name in Settings.model_fields if name.startswith("keep_")]
    for_ever = settings.model_copy(update=dict.fromkeys(names, 0))

    done = apply_retention(writer, for_ever, NOW)

    assert done == RetentionResult(DAYS_AHEAD + 1, 0, dict.fromkeys(done.deleted, 0))


@pytest.mark.parametrize(
    "call",
    [
        "drop_trade_partitions(current_date)",
        "drop_trade_partitions(NULL)",
        "delete_older('crypto_prices', now(), 10)",
        "delete_older('candles', '2020-01-01', 10)",
    ],
)
def test_young_rows_and_tables_without_retention_are_rejected(call: str, writer: Connection):
    with pytest.raises(psycopg.Error, match="expected a"):
        writer.execute(f"SELECT {call}".encode())


def test_the_buckets_retention_is_set_with_the_installed_tokens(settings: Settings):
    longer = settings.model_copy(update={"keep_influx_days": 400})

    assert [set_retention(longer), set_retention(longer)] == [True, False]
    assert [set_retention(settings), set_retention(settings)] == [True, False]
