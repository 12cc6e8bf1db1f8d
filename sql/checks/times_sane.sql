-- severity: warn
-- meaning: a snapshot is at most 2 s in the future and at most one day old when it is received
-- do: synchronize this machine's clock; otherwise the exchange's clock is wrong
SELECT exchange, symbol, "timestamp", data_age_ms
FROM crypto_prices
WHERE
    "timestamp" >= %(from_ts)s
    AND "timestamp" < %(until_ts)s
    AND data_age_ms NOT BETWEEN -2000 AND 86400000
