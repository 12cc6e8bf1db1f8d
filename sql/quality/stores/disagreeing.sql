-- Windows that were counted when a store was behind, or before a repair.
SELECT DISTINCT
    (extract(epoch FROM from_ts) * 1000)::bigint AS from_ms,
    (extract(epoch FROM until_ts) * 1000)::bigint AS until_ms
FROM store_counts
WHERE
    from_ts >= %(from_ts)s
    AND until_ts <= %(until_ts)s
    AND (
        raw_exchange <> raw_postgres
        OR trades_kafka <> trades_postgres
        OR trades_influxdb <> trades_postgres
        OR candles_influxdb <> candles_postgres
    )
