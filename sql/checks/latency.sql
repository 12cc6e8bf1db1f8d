-- severity: warn
-- meaning: 99 percent of the snapshots are received within 5 s
-- do: read the producer's log: the exchange responds late, or the machine is overloaded
SELECT exchange, symbol, percentile_cont(0.99) WITHIN GROUP (ORDER BY data_age_ms) AS p99_ms
FROM crypto_prices
WHERE "timestamp" >= %(from_ts)s AND "timestamp" < %(until_ts)s
GROUP BY exchange, symbol
HAVING percentile_cont(0.99) WITHIN GROUP (ORDER BY data_age_ms) > 5000
