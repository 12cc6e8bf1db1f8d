"""Queries of analysts: those of the original project, and the views."""

from datetime import UTC, datetime

from include.kpis.registry import NAMES
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.drain import drain
from tests.warehouse.conftest import Producer, rows
from tests.warehouse.market import MARKETS, START_MS, candle, snapshot

SEED_QUERY = """
    SELECT id, symbol, timestamp, price_change_pct, price_spread, daily_range, vwap,
           market_depth_ratio, order_book_imbalance, turnover_ratio
    FROM crypto_prices
    WHERE symbol = 'BTC/USDT' AND timestamp >= '2024-02-29'
    ORDER BY timestamp DESC
"""


def test_queries_of_the_original_project_run_unchanged_as_any_role(
    settings: Settings,
    producer: Producer,
    owner: Connection,
    writer: Connection,
    reader: Connection,
):
    producer.send([snapshot(ts_ms=START_MS + n, close=100.0 + n) for n in range(3)])
    drain(writer, settings)

    answers = [connection.execute(SEED_QUERY).fetchall() for connection in (owner, writer, reader)]

    assert answers[0] == answers[1] == answers[2]
    newest = answers[0][0]
    assert newest[1:3] == ("BTC/USDT", datetime(2024, 2, 29, microsecond=2_000, tzinfo=UTC))
    assert newest[8] == (1.5 - 2.5) / (1.5 + 2.5)


def test_the_newest_price_of_each_market(
    settings: Settings, producer: Producer, writer: Connection, reader: Connection
):
    for n, market in enumerate(MARKETS):
        producer.send(
            [snapshot(market, START_MS + n * 1_000 + i, 10.0 * n + i + 1) for i in range(5)]
        )
    assert rows(reader, "SELECT * FROM latest_prices") == []
    drain(writer, settings)

    latest = rows(reader, "SELECT exchange, symbol, close FROM latest_prices ORDER BY 1, 2")

    assert latest == [(*market, 10.0 * n + 5) for n, market in enumerate(MARKETS)]


def test_minute_candles(
    settings: Settings, producer: Producer, writer: Connection, reader: Connection
):
    producer.send([candle()])
    drain(writer, settings)

    found = rows(reader, "SELECT open, high, low, close, volume, trade_count FROM candles_1m")

    assert found == [(2.0, 4.0, 1.0, 3.0, 10.0, 7)]


def test_every_kpi_has_its_column_and_there_are_no_others(owner: Connection):
    types = dict(
        rows(
            owner,
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = 'crypto_prices'",
        )
    )
    assert (types["id"], types["symbol"], types["timestamp"]) == (
        "bigint",
        "text",
        "timestamp with time zone",
    )
    assert {name for name, kind in types.items() if kind == "double precision"} == set(NAMES)
