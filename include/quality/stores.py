"""
Count a window in each store, by market, into `store_counts`.

The exchange is counted by its candles, Kafka by the log itself. One-second bars in InfluxDB that
lack a trade (the consumer omits trades that arrive too late) are written again before the count.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from include import wire
from include.broker.log_reader import LogReader
from include.errors import BadRecord, Unavailable
from include.influxdb.reader import Reader
from include.influxdb.writer import InfluxDB
from include.kpis.records import MarketKey, Trades
from include.quality.proof import MinuteWindow
from include.quality.repair import rewrite_seconds
from include.settings import Settings
from include.warehouse.connection import Connection
from include.warehouse.statements import statement

POLL_RECORDS = 500
POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Result of a count."""

    markets: int
    """Markets whose trades are expected over the whole window."""
    seconds_rewritten: int
    """Markets whose one-second bars in InfluxDB were written again."""


def count_stores(
    connection: Connection, settings: Settings, from_ms: int, until_ms: int
) -> StoreCounts:
    """
    Count the closed window [from_ms, until_ms) in all stores.

    Raises:
        Unavailable: A server is unreachable.
        Misconfigured: A server rejects the credentials.
    """
    bounds = {"from_ts": _time(from_ms), "until_ts": _time(until_ms)}
    cursor = connection.execute(statement("quality/stores.count"), bounds)
    names = [column.name for column in cursor.description or ()]
    in_postgres = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    in_kafka = _count_kafka(settings, from_ms, until_ms)
    reader = Reader(settings)
    try:
        in_influxdb = _count_influxdb(reader, "quality.trades", bounds)
        lacking = [
            _market(row)
            for row in in_postgres
            if in_influxdb[_market(row)] != row["trades_postgres"]
        ]
        if lacking:
            _rewrite_markets(connection, settings, lacking, from_ms, until_ms)
            in_influxdb = _count_influxdb(reader, "quality.trades", bounds)
        candles = _count_influxdb(reader, "quality.candles", bounds)
    finally:
        reader.close()
    with connection.transaction():
        for row in in_postgres:
            market = _market(row)
            counts = {
                "trades_kafka": in_kafka[market],
                "trades_influxdb": in_influxdb[market],
                "candles_influxdb": candles[market],
            }
            connection.execute(statement("quality/stores.record"), {**bounds, **row, **counts})
    return StoreCounts(len(in_postgres), len(lacking))


def _count_kafka(settings: Settings, from_ms: int, until_ms: int) -> Counter[MarketKey]:
    """Count the trades of the window in the log; a repeated trade counts once."""
    ids: dict[MarketKey, set[int]] = {}
    with LogReader(settings, settings.topic_market) as reader:
        ends = reader.ends()
        # A trade is published after its time: all trades of the window are behind this offset.
        reader.seek(reader.offsets_at(from_ms))
        while any(offset < ends[number] for number, offset in reader.positions().items()):
            before = reader.positions()
            for record in reader.poll(POLL_RECORDS, POLL_S):
                try:
                    event = wire.decode(record.value)
                except BadRecord:
                    continue
                if isinstance(event, Trades):
                    ids.setdefault(MarketKey(event.exchange, event.symbol), set()).update(
                        t.trade_id for t in event.trades if from_ms <= t.ts_ms < until_ms
                    )
            if reader.positions() == before:
                raise Unavailable(
                    f"Kafka at {settings.kafka_bootstrap}: no record for {POLL_S:.0f} s after "
                    f"{before}, although the topic ends at {ends}"
                )
    return Counter({market: len(found) for market, found in ids.items()})


def _count_influxdb(reader: Reader, query: str, bounds: dict[str, datetime]) -> Counter[MarketKey]:
    window = {"start": bounds["from_ts"], "stop": bounds["until_ts"]}
    rows = reader.rows(query, window)
    return Counter({_market(row): int(row["_value"]) for row in rows})


def _rewrite_markets(
    connection: Connection,
    settings: Settings,
    markets: list[MarketKey],
    from_ms: int,
    until_ms: int,
) -> None:
    influxdb = InfluxDB(settings)
    try:
        for market in markets:
            rewrite_seconds(connection, influxdb, MinuteWindow(market, from_ms, until_ms))
    finally:
        influxdb.close()


def _market(row: dict[str, object]) -> MarketKey:
    return MarketKey(cast(str, row["exchange"]), cast(str, row["symbol"]))


def _time(ts_ms: int) -> datetime:
    return datetime.fromtimestamp(ts_ms / 1000, UTC)
