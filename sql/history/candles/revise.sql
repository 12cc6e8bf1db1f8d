-- Candles that were stored otherwise; the table itself keeps what they replace.
UPDATE candles AS c
SET
    open = s.open,
    high = s.high,
    low = s.low,
    close = s.close,
    volume = s.volume,
    quote_volume = s.quote_volume,
    trade_count = s.trade_count,
    source = %(source)s
FROM staged_candles AS s
WHERE
    (c.exchange, c.symbol, c.width_s, c.open_ts) = (s.exchange, s.symbol, s.width_s, s.open_ts)
    AND (c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trade_count)
    IS DISTINCT FROM
    (s.open, s.high, s.low, s.close, s.volume, s.quote_volume, s.trade_count)
