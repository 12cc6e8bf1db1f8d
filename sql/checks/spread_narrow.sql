-- severity: warn
-- meaning: the spread is below 100 basis points
-- do: the market is thin, or only one side of the book is updated
SELECT exchange, symbol, "timestamp", spread_bps
FROM crypto_prices
WHERE
    "timestamp" >= %(from_ts)s
    AND "timestamp" < %(until_ts)s
    AND spread_bps >= 100
