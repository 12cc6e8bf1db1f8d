-- severity: must
-- meaning: a candle's own average price (quote volume / volume) is between its low and its high
-- do: the audit asks for the candle again; if it stays, the exchange says so: tell it
SELECT exchange, symbol, open_ts, low, quote_volume / volume AS vwap, high
FROM candles
WHERE
    open_ts >= %(from_ts)s
    AND open_ts < %(until_ts)s
    AND volume > 0
    AND quote_volume / volume NOT BETWEEN low * (1 - 1e-7) AND high * (1 + 1e-7)
