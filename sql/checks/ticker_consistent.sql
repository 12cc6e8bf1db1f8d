-- severity: warn
-- meaning: last price and vwap of the rolling 24 hours are between its low and high
-- do: the exchange's ticker contradicts itself; candles and trades do not depend on it
SELECT exchange, symbol, "timestamp", low, close, vwap_24h, high
FROM crypto_prices
WHERE
    "timestamp" >= %(from_ts)s
    AND "timestamp" < %(until_ts)s
    AND (
        close NOT BETWEEN low AND high
        OR vwap_24h NOT BETWEEN low * (1 - 1e-7) AND high * (1 + 1e-7)
    )
