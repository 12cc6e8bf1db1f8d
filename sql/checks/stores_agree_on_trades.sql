-- severity: error
-- meaning: exchange, Kafka (plus repaired trades), PostgreSQL and InfluxDB hold the same trades
-- do: the store with fewer trades is late or lost some: see store_counts and make status
SELECT s.*
FROM store_counts AS s
WHERE
    s.from_ts >= %(from_ts)s
    AND s.until_ts <= %(until_ts)s
    AND (
        s.raw_exchange <> s.raw_postgres
        OR s.trades_influxdb <> s.trades_postgres
        OR s.trades_kafka > s.trades_postgres
        OR s.trades_kafka + (
            SELECT coalesce(sum(g.trades_added), 0)
            FROM gap_ledger AS g
            WHERE
                g.exchange = s.exchange
                AND g.symbol = s.symbol
                AND g.minute >= s.from_ts
                AND g.minute < s.until_ts
        ) < s.trades_postgres
    )
