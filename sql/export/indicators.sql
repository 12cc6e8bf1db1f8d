-- A symbol's indicators of closed one-minute candles, by pandas-ta in [since, until), oldest first.
SELECT *
FROM market_reader.indicators
WHERE
    symbol = %(symbol)s
    AND open_ts >= %(since)s
    AND open_ts < %(until)s
    AND width_s = 60
ORDER BY exchange, open_ts;
