-- severity: warn
-- meaning: the order book has two sides and the bid is below the ask
-- do: single snapshots are the exchange's doing; many in a row: look at the producer
SELECT exchange, symbol, "timestamp"
FROM crypto_prices
WHERE
    "timestamp" >= %(from_ts)s
    AND "timestamp" < %(until_ts)s
    AND price_spread IS NULL
