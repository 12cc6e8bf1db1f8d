-- include/dashboards/history.py: queries of the dashboard History.

-- name: candles
-- One candle per day or hour, from the minutes. session_vwap is pandas-ta's value at its end.
SELECT
    date_trunc('@unit', open_ts, 'UTC') AS time,
    (array_agg(open ORDER BY open_ts))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY open_ts DESC))[1] AS close,
    sum(volume) AS volume,
    (array_agg(vwap ORDER BY open_ts DESC))[1] AS session_vwap
FROM candles_1m
LEFT JOIN
    (SELECT exchange, symbol, open_ts, vwap FROM indicators WHERE width_s = 60) AS i
    USING (exchange, symbol, open_ts)
WHERE exchange = ${exchange:sqlstring} AND symbol = ${symbol:sqlstring} AND $__timeFilter(open_ts)
GROUP BY 1
ORDER BY 1;

-- name: indicators
-- MACD of the closed minutes, by pandas-ta.
SELECT open_ts AS time, macd, macd_signal, macd_hist
FROM indicators
WHERE
    width_s = 60
    AND exchange = ${exchange:sqlstring} AND symbol = ${symbol:sqlstring}
    AND $__timeFilter(open_ts)
ORDER BY 1;

-- name: revised
-- The current close of each minute, and the first reported close of those that were revised.
SELECT open_ts AS time, c.close, r.close AS first_reported
FROM candles AS c
LEFT JOIN
    (SELECT exchange, symbol, width_s, open_ts, close FROM candle_revisions WHERE revision = 0) AS r
    USING (exchange, symbol, width_s, open_ts)
WHERE
    c.width_s = 60
    AND exchange = ${exchange:sqlstring} AND symbol = ${symbol:sqlstring}
    AND $__timeFilter(open_ts)
ORDER BY 1;

-- name: stored
-- Stored candles of each market, and how many of them the exchange revised.
SELECT
    exchange,
    symbol,
    count(*) AS candles,
    min(open_ts) AS since,
    max(open_ts) AS until,
    sum(trade_count) AS trades,
    count(*) FILTER (WHERE revision > 0) AS revised
FROM candles
WHERE width_s = 60
GROUP BY exchange, symbol
ORDER BY exchange, symbol;
