-- severity: warn
-- meaning: the order book has two sides and the bid is below the ask
-- do: ignore single snapshots: the exchange sent them; for many in a row, check the producer
SELECT exchange, symbol, "timestamp"
FROM crypto_prices
WHERE
    "timestamp" >= %(from_ts)s
    AND "timestamp" < %(until_ts)s
    AND price_spread IS NULL
