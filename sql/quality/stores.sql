-- include/quality/stores.py: rows of a window, counted in each store.

-- name: count
SELECT
    k.exchange,
    k.symbol,
    coalesce(c.trades, 0) AS raw_exchange,
    coalesce(t.raw, 0) AS raw_postgres,
    coalesce(t.trades, 0) AS trades_postgres,
    coalesce(c.candles, 0) AS candles_postgres
FROM trade_coverage AS k
LEFT JOIN (
    SELECT exchange, symbol, sum(trade_count) AS trades, count(*) AS candles
    FROM candles
    WHERE width_s = 60 AND open_ts >= %(from_ts)s AND open_ts < %(until_ts)s
    GROUP BY exchange, symbol
) AS c USING (exchange, symbol)
LEFT JOIN (
    SELECT
        exchange,
        symbol,
        sum(last_id - first_id + 1) FILTER (WHERE NOT (first_id = -1 AND last_id = -1)) AS raw,
        count(*) AS trades
    FROM trades
    WHERE ts >= %(from_ts)s AND ts < %(until_ts)s
    GROUP BY exchange, symbol
) AS t USING (exchange, symbol)
WHERE k.since <= %(from_ts)s
ORDER BY k.exchange, k.symbol;

-- name: record
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
    counted_at = now();
