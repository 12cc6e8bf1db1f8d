-- severity: warn
-- meaning: PostgreSQL and InfluxDB hold the same closed minutes
-- do: recompute_indicators writes the missing points; if the check still fails, check the consumer
SELECT *
FROM store_counts
WHERE
    from_ts >= %(from_ts)s
    AND until_ts <= %(until_ts)s
    AND candles_postgres <> candles_influxdb
