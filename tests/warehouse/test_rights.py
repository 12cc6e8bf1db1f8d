"""Statements that each role may not execute."""

import psycopg

from include.warehouse.connection import Connection
from tests.warehouse.conftest import rows

TABLES = (
    "crypto_prices",
    "trades",
    "candles",
    "gaps",
    "kafka_offsets",
    "kafka_losses",
    "drain_rejections",
    "dead_letter_replays",
    "dead_letters",
    "candle_revisions",
    "indicators",
    "reconciliations",
    "corrections",
)
VIEWS = (*TABLES, "latest_prices", "candles_1m", "candle_holes")
DEFINITIONS = (
    "CREATE TABLE public.mine (n int)",
    "CREATE TABLE market_reader.mine (n int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "INSERT INTO public.schema_migrations VALUES ('9999', '0')",
    "DROP FUNCTION public.ensure_trade_partition(date)",
    "SET ROLE market_owner",
)


def refused(connection: Connection, statement: str) -> bool:
    """Return whether PostgreSQL rejects the statement for lack of rights only."""
    try:
        connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def test_the_writer_inserts_and_reads_only(writer: Connection):
    for table in TABLES:
        assert not refused(writer, f"SELECT * FROM {table}")
        for statement in (
            f"DROP TABLE {table}",
            f"TRUNCATE {table}",
            f"DELETE FROM {table}",
            f"ALTER TABLE {table} ADD COLUMN extra int",
            f"CREATE INDEX ON {table} ((1))",
        ):
            assert refused(writer, statement), statement


def test_the_writer_updates_offsets_and_candle_values_only(writer: Connection):
    moved = "next_offset = 1, fold = '{}', updated_at = now()"
    assert not refused(writer, f"UPDATE kafka_offsets SET {moved}")
    assert refused(writer, "UPDATE kafka_offsets SET topic = 'other'")
    assert refused(writer, "UPDATE kafka_losses SET from_offset = 1")
    assert refused(writer, "UPDATE drain_rejections SET kind = 'truncated'")
    assert refused(writer, "UPDATE trades SET price = 1")
    assert not refused(writer, "UPDATE candles SET close = close, source = 'x'")
    assert refused(writer, "UPDATE candles SET open_ts = now()")
    assert refused(writer, "UPDATE candles SET revision = 0")
    assert refused(writer, "INSERT INTO candle_revisions DEFAULT VALUES")
    assert refused(writer, "UPDATE crypto_prices SET close = 1")
    assert refused(writer, "UPDATE dead_letter_replays SET outcome = 'x'")
    assert refused(writer, "UPDATE dead_letters SET reason = 'x'")


def test_only_the_owner_may_create_objects(writer: Connection, reader: Connection):
    for statement in DEFINITIONS:
        assert refused(writer, statement), statement
        assert refused(reader, statement), statement


def test_the_reader_reads_views_only(reader: Connection):
    for view in VIEWS:
        assert not refused(reader, f"SELECT * FROM {view}")
        assert rows(
            reader,
            "SELECT has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
            f" FROM pg_class AS c WHERE c.oid = '{view}'::regclass",
        ) == [(False,)]
    for table in TABLES:
        assert refused(reader, f"SELECT * FROM public.{table}")
        assert refused(reader, f"INSERT INTO {table} DEFAULT VALUES")
        assert refused(reader, f"DELETE FROM {table}")


def test_the_reader_creates_neither_temporary_tables_nor_partitions(reader: Connection):
    assert refused(reader, "CREATE TEMPORARY TABLE mine (n int)")
    assert refused(reader, "SELECT public.ensure_trade_partition('2024-03-01')")
    assert refused(reader, "SELECT public.forget_kafka_offsets('t')")


def test_a_table_of_the_caller_does_not_replace_a_partition(writer: Connection, owner: Connection):
    """A temporary table with the partition's name does not replace the partition."""
    writer.execute("CREATE TEMPORARY TABLE trades_20240303 (n int)")

    assert writer.execute("SELECT ensure_trade_partition('2024-03-03')").fetchone() == (True,)
    assert rows(
        owner,
        "SELECT tableowner FROM pg_tables WHERE tablename = 'trades_20240303'"
        " AND schemaname = 'public'",
    ) == [("market_owner",)]
