INSERT INTO store_counts (
    exchange, symbol, from_ts, until_ts, raw_exchange, raw_postgres, trades_kafka,
    trades_postgres, trades_influxdb, candles_postgres, candles_influxdb
)
VALUES (
    %(exchange)s, %(symbol)s, %(from_ts)s, %(until_ts)s, %(raw_exchange)s, %(raw_postgres)s,
    %(trades_kafka)s, %(trades_postgres)s, %(trades_influxdb)s, %(candles_postgres)s,
    %(candles_influxdb)s
)
ON CONFLICT (until_ts, exchange, symbol) DO UPDATE SET
    from_ts = excluded.from_ts,
    raw_exchange = excluded.raw_exchange,
    raw_postgres = excluded.raw_postgres,
    trades_kafka = excluded.trades_kafka,
    trades_postgres = excluded.trades_postgres,
    trades_influxdb = excluded.trades_influxdb,
    candles_postgres = excluded.candles_postgres,
    candles_influxdb = excluded.candles_influxdb,
    counted_at = now()
