-- severity: warn
-- meaning: 99 of 100 snapshots are received within 5 s
-- do: look at the producer's log: the exchange answers late, or the machine is busy
SELECT exchange, symbol, percentile_cont(0.99) WITHIN GROUP (ORDER BY data_age_ms) AS p99_ms
FROM crypto_prices
WHERE "timestamp" >= %(from_ts)s AND "timestamp" < %(until_ts)s
GROUP BY exchange, symbol
HAVING percentile_cont(0.99) WITHIN GROUP (ORDER BY data_age_ms) > 5000
