-- Minutes that failed their proof, and minutes between two candles that have none.
WITH neighbours AS (
    SELECT
        c.exchange,
        c.symbol,
        c.open_ts,
        lead(c.open_ts) OVER (PARTITION BY c.exchange, c.symbol ORDER BY c.open_ts) AS next_ts
    FROM trade_coverage AS k
    INNER JOIN candles AS c
        ON (c.exchange, c.symbol, c.width_s) = (k.exchange, k.symbol, 60) AND c.open_ts >= k.since
),

without_candle AS (
    SELECT n.exchange, n.symbol, minute
    FROM neighbours AS n
    CROSS JOIN LATERAL generate_series(
        n.open_ts + interval '1 minute', n.next_ts - interval '1 minute', interval '1 minute'
    ) AS minute
    WHERE
        n.next_ts > n.open_ts + interval '1 minute'
        AND NOT EXISTS (
            SELECT FROM candle_holes AS h
            WHERE
                (h.exchange, h.symbol, h.width_s, h.open_ts) = (n.exchange, n.symbol, 60, minute)
        )
),

failing AS (
    SELECT
        a.exchange,
        a.symbol,
        a.minute,
        CASE
            WHEN a.status <> 'short' THEN 'wrong values'
            WHEN a.trades_stored = 0 THEN 'our downtime'
            ELSE 'some missing'
        END AS cause
    FROM minute_audits AS a
    INNER JOIN trade_coverage AS k USING (exchange, symbol)
    WHERE a.status IN ('short', 'over', 'wrong') AND a.minute >= k.since
    UNION ALL
    SELECT exchange, symbol, minute, 'our downtime' AS cause
    FROM without_candle
)

INSERT INTO gap_ledger (exchange, symbol, minute, cause)
SELECT exchange, symbol, minute, cause
FROM failing
ORDER BY exchange, symbol, minute
ON CONFLICT (exchange, symbol, minute) WHERE closed_at IS NULL DO NOTHING
