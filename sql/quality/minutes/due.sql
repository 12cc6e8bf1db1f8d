-- Minutes to prove: those never proved, those that failed, whose candle changed since, the recent
-- ones (late trades), and as a scrub those whose proof is the oldest.
(
    SELECT c.exchange, c.symbol, c.open_ts AS minute
    FROM trade_coverage AS k
    INNER JOIN candles AS c
        ON (c.exchange, c.symbol, c.width_s) = (k.exchange, k.symbol, 60) AND c.open_ts >= k.since
    LEFT JOIN minute_audits AS a
        ON (a.exchange, a.symbol, a.minute) = (c.exchange, c.symbol, c.open_ts)
    WHERE
        a.minute IS NULL
        OR a.status IN ('short', 'over', 'wrong')
        OR a.proved_at < c.written_at
        OR a.minute >= %(recent_ts)s
    ORDER BY c.open_ts DESC
    LIMIT %(most)s
)
UNION
(
    SELECT a.exchange, a.symbol, a.minute
    FROM minute_audits AS a
    INNER JOIN trade_coverage AS k
        ON (k.exchange, k.symbol) = (a.exchange, a.symbol) AND k.since <= a.minute
    ORDER BY a.proved_at
    LIMIT %(scrubbed)s
)
ORDER BY exchange, symbol, minute
