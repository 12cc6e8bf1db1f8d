-- severity: warn
-- meaning: no snapshot's mid price is both 10 median deviations and 0.5 percent off the window's median
-- do: look at the market: a jump is flagged, never deleted
WITH middle AS (
    SELECT
        exchange,
        symbol,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY mid_price) AS median
    FROM crypto_prices
    WHERE "timestamp" >= %(from_ts)s AND "timestamp" < %(until_ts)s
    GROUP BY exchange, symbol
),

deviation AS (
    SELECT
        p.exchange,
        p.symbol,
        m.median,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p.mid_price - m.median)) AS mad
    FROM crypto_prices AS p
    INNER JOIN middle AS m USING (exchange, symbol)
    WHERE p."timestamp" >= %(from_ts)s AND p."timestamp" < %(until_ts)s
    GROUP BY p.exchange, p.symbol, m.median
)

SELECT p.exchange, p.symbol, p."timestamp", p.mid_price, d.median
FROM crypto_prices AS p
INNER JOIN deviation AS d USING (exchange, symbol)
WHERE
    p."timestamp" >= %(from_ts)s
    AND p."timestamp" < %(until_ts)s
    AND abs(p.mid_price - d.median) > greatest(10 * d.mad, 0.005 * d.median)
