-- What the batch says of each minute of some hours, as far as the stream has come.
SELECT
    (extract(epoch FROM c.open_ts) * 1000)::bigint AS open_ts_ms,
    i.computed_at,
    c.open,
    c.high,
    c.low,
    c.close,
    c.volume,
    c.quote_volume,
    c.trade_count,
    i.vwap,
    i.macd,
    i.macd_signal,
    i.macd_hist
FROM indicators AS i
INNER JOIN candles AS c USING (exchange, symbol, width_s, open_ts)
WHERE
    i.exchange = %(exchange)s
    AND i.symbol = %(symbol)s
    AND i.width_s = %(width_s)s
    AND i.open_ts >= %(from_ts)s
    AND i.open_ts < %(until_ts)s
    AND i.open_ts BETWEEN %(first_ts)s AND %(last_ts)s
    AND date_trunc('hour', i.open_ts, 'UTC') = ANY(%(hours)s)
    AND i.candle_revision = c.revision
ORDER BY c.open_ts
