-- severity: error
-- meaning: a candle's average price (quote volume / volume) is between its low and its high
-- do: the audit fetches the candle again; if the check still fails, report it to the exchange
SELECT exchange, symbol, open_ts, low, quote_volume / volume AS vwap, high
FROM candles
WHERE
    open_ts >= %(from_ts)s
    AND open_ts < %(until_ts)s
    AND volume > 0
    AND quote_volume / volume NOT BETWEEN low * (1 - 1e-7) AND high * (1 + 1e-7)
