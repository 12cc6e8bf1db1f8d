-- A symbol's closed one-minute candles in [since, until), oldest first.
SELECT *
FROM market_reader.candles
WHERE
    symbol = %(symbol)s
    AND open_ts >= %(since)s
    AND open_ts < %(until)s
    AND width_s = 60
ORDER BY exchange, open_ts;
