-- severity: warn
-- meaning: a minute's volume is below 20 times the median of this minute on the seven days before
-- do: look at the market: news, or wash trading
SELECT c.exchange, c.symbol, c.open_ts, c.volume, usual.median
FROM candles AS c
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.volume) AS median, count(*) AS days
    FROM candles AS o
    WHERE
        (o.exchange, o.symbol, o.width_s) = (c.exchange, c.symbol, 60)
        AND o.open_ts IN (
            SELECT c.open_ts - days * interval '1 day'
            FROM generate_series(1, 7) AS days
        )
) AS usual
WHERE
    c.width_s = 60
    AND c.open_ts >= %(from_ts)s
    AND c.open_ts < %(until_ts)s
    AND usual.days >= 3
    AND c.volume > 20 * usual.median
