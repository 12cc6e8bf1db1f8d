-- Closes that the exchange told otherwise later, beside those that stand now.
SELECT open_ts AS time, c.close, r.close AS first_told
FROM candles AS c
LEFT JOIN
    (SELECT exchange, symbol, width_s, open_ts, close FROM candle_revisions WHERE revision = 0) AS r
    USING (exchange, symbol, width_s, open_ts)
WHERE
    c.width_s = 60
    AND exchange = ${exchange:sqlstring} AND symbol = ${symbol:sqlstring}
    AND $__timeFilter(open_ts)
ORDER BY 1;
