-- include/warehouse/load.py: rows of the drain.

-- name: count_revised_candles
-- Staged candles whose values differ from the stored row.
SELECT count(*)
FROM staged_candles AS s
INNER JOIN candles AS c USING (exchange, symbol, width_s, open_ts)
WHERE
    (s.open, s.high, s.low, s.close, s.volume, s.quote_volume, s.trade_count)
    IS DISTINCT FROM
    (c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trade_count);
