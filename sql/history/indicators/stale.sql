-- Days of which candles' indicators are missing or of an older revision, and the first such candle.
-- A candle's written_at is when its transaction began, which ended within the hour.
SELECT
    c.exchange,
    c.symbol,
    min(c.open_ts) AS first_ts
FROM candles AS c
LEFT JOIN indicators AS i USING (exchange, symbol, width_s, open_ts)
WHERE
    c.width_s = %(width_s)s
    AND c.written_at >= coalesce(
        (SELECT looked_at - interval '1 hour' FROM recomputations WHERE width_s = %(width_s)s),
        '-infinity'
    )
    AND i.candle_revision IS DISTINCT FROM c.revision
GROUP BY c.exchange, c.symbol, date_trunc('day', c.open_ts, 'UTC')
ORDER BY first_ts, c.exchange, c.symbol
