-- severity: error
-- meaning: a snapshot's session vwap is between the session's low and high
-- do: compare it with indicators: recompute_indicators reports which value is wrong
SELECT exchange, symbol, "timestamp", session_low, vwap, session_high
FROM crypto_prices
WHERE
    "timestamp" >= %(from_ts)s
    AND "timestamp" < %(until_ts)s
    AND vwap NOT BETWEEN session_low * (1 - 1e-9) AND session_high * (1 + 1e-9)
