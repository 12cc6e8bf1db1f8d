-- severity: warn
-- meaning: the mid prices of a symbol on two exchanges differ by less than 50 basis points in each minute
-- do: one feed is late or wrong: compare both with a third exchange
WITH minutes AS (
    SELECT exchange, symbol, date_trunc('minute', "timestamp", 'UTC') AS minute, avg(mid_price) AS mid
    FROM crypto_prices
    WHERE "timestamp" >= %(from_ts)s AND "timestamp" < %(until_ts)s
    GROUP BY exchange, symbol, date_trunc('minute', "timestamp", 'UTC')
)

SELECT a.symbol, a.minute, a.exchange, a.mid, b.exchange AS other_exchange, b.mid AS other_mid
FROM minutes AS a
INNER JOIN minutes AS b
    ON (b.symbol, b.minute) = (a.symbol, a.minute) AND b.exchange > a.exchange
WHERE abs(a.mid - b.mid) > 0.005 * least(a.mid, b.mid)
