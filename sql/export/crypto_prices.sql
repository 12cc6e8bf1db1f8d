-- A symbol's snapshots with all KPIs in [since, until), oldest first.
SELECT *
FROM market_reader.crypto_prices
WHERE
    symbol = %(symbol)s
    AND "timestamp" >= %(since)s
    AND "timestamp" < %(until)s
ORDER BY exchange, "timestamp";
