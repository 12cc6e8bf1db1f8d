-- A symbol's trades in [since, until), oldest first.
SELECT *
FROM market_reader.trades
WHERE
    symbol = %(symbol)s
    AND ts >= %(since)s
    AND ts < %(until)s
ORDER BY exchange, ts, trade_id;
