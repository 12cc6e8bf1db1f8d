-- A candle a day or hour, from the minutes, with the session's vwap at its end as pandas-ta has it.
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
