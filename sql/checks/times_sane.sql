-- severity: warn
-- meaning: a snapshot is neither from the future (2 s) nor older than a day when it is received
-- do: set this machine's clock; then the exchange's is wrong
SELECT exchange, symbol, "timestamp", data_age_ms
FROM crypto_prices
WHERE
    "timestamp" >= %(from_ts)s
    AND "timestamp" < %(until_ts)s
    AND data_age_ms NOT BETWEEN -2000 AND 86400000
