-- What the history holds of each market, and how often the exchange told a candle otherwise.
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
