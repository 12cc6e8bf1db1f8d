"""Counts of all stores and the quality report, on real Kafka, PostgreSQL and InfluxDB."""

import asyncio
from datetime import timedelta

import pytest

from include import wire
from include.broker.records import Outgoing
from include.broker.writer import TransactionalWriter
from include.kpis.records import MINUTE_MS, Trades
from include.quality.audit import audit
from include.quality.checks import SETTLED, check_quality
from include.warehouse.drain import drain
from tests.quality.conftest import BTC, FROM_MS, MARKETS, NOON_MS, rows, when

NOW = when(NOON_MS) + SETTLED
COUNTED_MS = NOON_MS - 5 * MINUTE_MS


@pytest.fixture
def publish(settings):
    writer = TransactionalWriter(settings, f"test-{settings.topic_market}")

    def send(events):
        writer.write(
            [
                Outgoing(
                    settings.topic_market,
                    f"{event.exchange}:{event.symbol}".encode(),
                    wire.encode(event),
                    wire.type_of(event),
                )
                for event in events
            ]
        )

    yield send
    writer.close()


async def events_of(exchange, market, from_ms=FROM_MS, until_ms=NOON_MS):
    """Return the events that a producer publishes for the window."""
    pages = [
        page async for page in exchange.binance.trades_between(market.symbol, from_ms, until_ms)
    ]
    trades = [Trades(*market, until_ms, tuple(page)) for page in pages if page]
    return [*trades, *await exchange.binance.candles(market.symbol, from_ms, until_ms)]


async def test_all_stores_agree_also_after_a_repair_that_kafka_does_not_have(
    exchange, audited, publish, writer, owner
):
    for market in MARKETS:
        publish(await events_of(exchange, market))
    await asyncio.to_thread(drain, writer, audited)
    await asyncio.to_thread(audit, writer, audited)

    report = await asyncio.to_thread(check_quality, writer, audited, NOW)

    assert (report.markets, report.failed) == (2, [])
    counts = rows(
        writer,
        "SELECT raw_exchange, raw_postgres, trades_kafka, trades_postgres, trades_influxdb,"
        " candles_postgres, candles_influxdb FROM store_counts",
    )
    assert len(counts) == 2
    for raw_exchange, raw, kafka, postgres, influxdb, candles, in_influxdb in counts:
        assert raw_exchange == raw > 0
        assert kafka == postgres == influxdb > 0
        assert (candles, in_influxdb) == (5, 0)  # no consumer ran
    assert [line.partition(":")[0] for line in report.warned] == [
        "snapshots_every_minute",
        "stores_agree_on_candles",
    ]

    owner.execute(
        "DELETE FROM trades WHERE symbol = %s AND ts >= %s", [BTC.symbol, when(COUNTED_MS)]
    )
    lost = await asyncio.to_thread(check_quality, writer, audited, NOW)
    assert [line.partition(":")[0] for line in lost.failed] == ["stores_agree_on_trades"]
    await asyncio.to_thread(audit, writer, audited)
    assert (await asyncio.to_thread(check_quality, writer, audited, NOW)).failed == []


async def test_trades_that_were_never_published_are_repaired(exchange, audited, publish, writer):
    away_ms = NOON_MS - 3 * MINUTE_MS
    events = [
        *await events_of(exchange, BTC, until_ms=away_ms),
        *await exchange.binance.candles(BTC.symbol, away_ms, NOON_MS),
    ]
    publish(events)
    await asyncio.to_thread(drain, writer, audited)

    done = await asyncio.to_thread(audit, writer, audited)
    later = await asyncio.to_thread(check_quality, writer, audited, NOW)
    again = await asyncio.to_thread(check_quality, writer, audited, NOW + timedelta(minutes=5))

    assert done.repaired.closed == 3
    assert later.failed == again.failed == []
    ((kafka, postgres, added),) = rows(
        writer,
        "SELECT trades_kafka, trades_postgres, (SELECT sum(trades_added) FROM gap_ledger)"
        " FROM store_counts WHERE until_ts = %s",
        when(NOON_MS),
    )
    assert kafka + added == postgres > kafka
