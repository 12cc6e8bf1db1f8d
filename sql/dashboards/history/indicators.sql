-- MACD of the closed minutes, as pandas-ta has it.
SELECT open_ts AS time, macd, macd_signal, macd_hist
FROM indicators
WHERE
    width_s = 60
    AND exchange = ${exchange:sqlstring} AND symbol = ${symbol:sqlstring}
    AND $__timeFilter(open_ts)
ORDER BY 1;
