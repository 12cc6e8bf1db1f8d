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
ORDER BY k.exchange, k.symbol
