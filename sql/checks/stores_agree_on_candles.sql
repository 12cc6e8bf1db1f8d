-- severity: warn
-- meaning: PostgreSQL and InfluxDB hold the same closed minutes
-- do: recompute_indicators writes what InfluxDB lacks; if it stays, look at the consumer
SELECT *
FROM store_counts
WHERE
    from_ts >= %(from_ts)s
    AND until_ts <= %(until_ts)s
    AND candles_postgres <> candles_influxdb
