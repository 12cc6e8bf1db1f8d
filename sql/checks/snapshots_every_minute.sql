-- severity: warn
-- meaning: each minute with a candle has at least one snapshot
-- do: check whether producer and exchange were up: make status, and the gaps of these minutes
SELECT c.exchange, c.symbol, c.open_ts
FROM trade_coverage AS k
INNER JOIN candles AS c
    ON (c.exchange, c.symbol, c.width_s) = (k.exchange, k.symbol, 60) AND c.open_ts >= k.since
WHERE
    c.open_ts >= %(from_ts)s
    AND c.open_ts < %(until_ts)s - interval '5 minutes'
    AND NOT EXISTS (
        SELECT FROM crypto_prices AS p
        WHERE
            p.exchange = c.exchange
            AND p.symbol = c.symbol
            AND p."timestamp" >= c.open_ts
            AND p."timestamp" < c.open_ts + interval '1 minute'
    )
