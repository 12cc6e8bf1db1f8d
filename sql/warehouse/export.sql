-- include/warehouse/export.py: rows of one symbol in [since, until), oldest first.

-- name: count
-- The number of rows that another statement of this file returns.
SELECT count(*) FROM ({rows}) AS rows;

-- name: candles
SELECT *
FROM market_reader.candles
WHERE
    symbol = %(symbol)s
    AND open_ts >= %(since)s
    AND open_ts < %(until)s
    AND width_s = 60
ORDER BY exchange, open_ts;

-- name: indicators
SELECT *
FROM market_reader.indicators
WHERE
    symbol = %(symbol)s
    AND open_ts >= %(since)s
    AND open_ts < %(until)s
    AND width_s = 60
ORDER BY exchange, open_ts;

-- name: trades
SELECT *
FROM market_reader.trades
WHERE
    symbol = %(symbol)s
    AND ts >= %(since)s
    AND ts < %(until)s
ORDER BY exchange, ts, trade_id;

-- name: crypto_prices
SELECT *
FROM market_reader.crypto_prices
WHERE
    symbol = %(symbol)s
    AND "timestamp" >= %(since)s
    AND "timestamp" < %(until)s
ORDER BY exchange, "timestamp";
