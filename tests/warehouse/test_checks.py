"""The CHECKs of every table reject invalid values."""

import psycopg
import pytest

from include.warehouse.connection import Connection
from tests.warehouse.conftest import count, violated

NOT_POSITIVE = ("0", "-1", "'NaN'", "'Infinity'", "'-Infinity'")
NEGATIVE = NOT_POSITIVE[1:]
NOT_FINITE = NOT_POSITIVE[2:]

GOOD = {
    "crypto_prices": {
        "exchange": "'binance'",
        "symbol": "'BTC/USDT'",
        '"timestamp"': "'2024-02-29 00:00:00.123Z'",
        "close": "97.1",
    },
    "trades": {
        "exchange": "'binance'",
        "symbol": "'BTC/USDT'",
        "trade_id": "1",
        "first_id": "1",
        "last_id": "2",
        "ts": "'2024-02-29 12:00Z'",
        "price": "97.1",
        "amount": "0.5",
        "side": "'buy'",
    },
    "candles": {
        "exchange": "'binance'",
        "symbol": "'BTC/USDT'",
        "width_s": "60",
        "open_ts": "'2024-02-29 12:00Z'",
        "open": "2",
        "high": "4",
        "low": "1",
        "close": "3",
        "volume": "0",
    },
    "gaps": {
        "exchange": "'binance'",
        "symbol": "'BTC/USDT'",
        "first_id": "5",
        "last_id": "9",
        "reason": "'none'",
        "reported_at": "now()",
    },
    "kafka_offsets": {"topic": "'t'", "partition": "0", "next_offset": "0", "fold": "'{}'"},
    "kafka_losses": {
        "topic": "'t'",
        "partition": "0",
        "from_offset": "1",
        "until_offset": "2",
        "reason": "'gone'",
        "drained_at": "now()",
    },
    "drain_rejections": {
        "topic": "'t'",
        "partition": "0",
        "next_offset": "1",
        "kind": "'truncated'",
        "detail": "'ends before'",
    },
    "dead_letter_replays": {
        "sink": "'influxdb'",
        "topic": "'t'",
        "partition": "0",
        '"offset"': "7",
        "outcome": "'1 points'",
    },
    "dead_letters": {
        "topic": "'t'",
        "partition": "0",
        '"offset"': "7",
        "reason": "'not JSON'",
        "value": "'abc'",
        "value_bytes": "3",
    },
}

NONSENSE: list[tuple[str, str, tuple[str, ...]]] = [
    ("crypto_prices", "exchange", ("''",)),
    ("crypto_prices", "symbol", ("''",)),
    ("crypto_prices", '"timestamp"', ("'infinity'", "'-infinity'")),
    ("crypto_prices", "close", NOT_POSITIVE),
    *[
        ("crypto_prices", name, NOT_POSITIVE)
        for name in (
            "price_spread",
            "vwap",
            "mid_price",
            "spread_bps",
            "microprice",
            "session_high",
            "session_low",
        )
    ],
    *[
        ("crypto_prices", name, NEGATIVE)
        for name in (
            "open",
            "high",
            "low",
            "volume",
            "base_volume",
            "quote_volume",
            "market_depth_ratio",
            "turnover_ratio",
            "vwap_24h",
            "depth_bid_base",
            "depth_ask_base",
            "depth_quote_10bps",
        )
    ],
    *[
        ("crypto_prices", name, NOT_FINITE)
        for name in (
            "price_change_pct",
            "daily_range",
            "data_age_ms",
            "vwap_deviation_bps",
            "price_change_pct_session",
            "macd",
            "macd_signal",
            "macd_hist",
        )
    ],
    ("crypto_prices", "macd_ready", ("0.5", "-1", *NOT_FINITE)),
    *[
        ("crypto_prices", name, ("1.0000000001", "-2", *NOT_FINITE))
        for name in ("order_book_imbalance", "order_book_imbalance_l1")
    ],
    ("trades", "exchange", ("''",)),
    ("trades", "symbol", ("''",)),
    ("trades", "trade_id", ("-1",)),
    ("trades", "first_id", ("-2", "3")),
    ("trades", "ts", ("'infinity'", "'1999-01-01Z'")),
    ("trades", "price", NOT_POSITIVE),
    ("trades", "amount", NOT_POSITIVE),
    ("trades", "side", ("'BUY'", "''")),
    ("candles", "exchange", ("''",)),
    ("candles", "symbol", ("''",)),
    ("candles", "width_s", ("0", "-60", "61")),
    ("candles", "open_ts", ("'2024-02-29 12:00:01Z'", "'2024-02-29 12:00:00.001Z'", "'infinity'")),
    ("candles", "open", ("0.5", "5", *NOT_POSITIVE)),
    ("candles", "high", ("2.5", *NOT_POSITIVE)),
    ("candles", "low", ("2.5", *NOT_POSITIVE)),
    ("candles", "close", ("0.5", "5", *NOT_POSITIVE)),
    ("candles", "volume", NEGATIVE),
    ("candles", "quote_volume", NEGATIVE),
    ("candles", "trade_count", ("-1",)),
    ("gaps", "exchange", ("''",)),
    ("gaps", "symbol", ("''",)),
    ("gaps", "first_id", ("-1", "10")),
    ("gaps", "reported_at", ("'infinity'",)),
    ("kafka_offsets", "topic", ("''",)),
    ("kafka_offsets", "partition", ("-1",)),
    ("kafka_offsets", "next_offset", ("-1",)),
    ("kafka_offsets", "fold", ("'[]'", "'null'", "'1'")),
    ("kafka_losses", "from_offset", ("-1", "2")),
    ("kafka_losses", "drained_at", ("'infinity'",)),
    ("drain_rejections", "kind", ("'other'",)),
    ("drain_rejections", "settled_at", ("'2000-01-01'",)),
    ("dead_letter_replays", "sink", ("'kafka'",)),
    ("dead_letter_replays", "outcome", ("''",)),
    ("dead_letters", "topic", ("''",)),
    ("dead_letters", "partition", ("-1",)),
    ("dead_letters", '"offset"', ("-1",)),
    ("dead_letters", "reason", ("''",)),
    ("dead_letters", "value", ("decode(repeat('00', 65537), 'hex')",)),
    ("dead_letters", "value_bytes", ("2",)),
]


def insert(connection: Connection, table: str, **changed: str) -> None:
    row = {
        **GOOD[table],
        **{f'"{n}"' if f'"{n}"' in GOOD[table] else n: v for n, v in changed.items()},
    }
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"
    connection.execute(statement.encode())


@pytest.fixture
def tables(writer: Connection) -> Connection:
    writer.execute("SELECT ensure_trade_partition('2024-02-29')")
    return writer


def test_valid_rows_are_stored_once(tables: Connection):
    for table in GOOD:
        insert(tables, table)
        with pytest.raises(psycopg.errors.UniqueViolation):
            insert(tables, table)

        assert count(tables, table) == 1


@pytest.mark.fault(18)
def test_invalid_values_are_rejected(tables: Connection):
    """All cases in one database: each violates a CHECK and stores no row."""
    for table, column, values in NONSENSE:
        for value in values:
            with pytest.raises(psycopg.errors.CheckViolation, match=table):
                insert(tables, table, **{column.strip('"'): value})

    assert [table for table in GOOD if count(tables, table)] == []


def test_every_numeric_column_has_a_case(owner: Connection):
    tried = {(table, column.strip('"')) for table, column, _ in NONSENSE}
    numbers = owner.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'double precision'"
        " AND table_name = ANY(%s)",
        [list(GOOD)],
    ).fetchall()

    assert len(numbers) > 20
    assert set(numbers) <= tried


def test_a_violated_constraint_has_a_name(tables: Connection):
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        insert(tables, "candles", high="2.5")

    assert violated(refused) == "candles_enclose"


def test_each_partition_is_a_utc_day(tables: Connection, owner: Connection):
    tables.execute("SET timezone = 'Asia/Kolkata'")
    assert tables.execute("SELECT ensure_trade_partition('2024-03-01')").fetchone() == (True,)
    assert tables.execute("SELECT ensure_trade_partition('2024-03-01')").fetchone() == (False,)
    insert(tables, "trades", ts="'2024-02-29 23:59:59.999999Z'")
    insert(tables, "trades", ts="'2024-03-01 00:00Z'", trade_id="2")

    placed = owner.execute(
        "SELECT tableoid::regclass::text, trade_id FROM trades ORDER BY trade_id"
    )
    assert placed.fetchall() == [("trades_20240229", 1), ("trades_20240301", 2)]


def test_no_partition_is_created_for_an_impossible_day(tables: Connection):
    for day in ("'2008-12-31'", "'2100-01-01'", "'infinity'", "NULL"):
        with pytest.raises(psycopg.errors.DatetimeFieldOverflow):
            tables.execute(f"SELECT ensure_trade_partition({day})".encode())
