-- What each store holds of the newest window that was counted.
SELECT
    exchange, symbol, raw_exchange, raw_postgres, trades_kafka, trades_postgres, trades_influxdb,
    candles_postgres, candles_influxdb, until_ts
FROM store_counts
WHERE until_ts = (SELECT max(until_ts) FROM store_counts)
ORDER BY exchange, symbol;
