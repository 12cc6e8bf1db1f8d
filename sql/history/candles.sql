-- include/history/candles.py: candles from the exchange's history.

-- name: insert
-- Candles that are not stored yet. Ordered by time, as in the drain: two writers never deadlock.
INSERT INTO candles (
    exchange, symbol, width_s, open_ts,
    open, high, low, close, volume, quote_volume, trade_count, source
)
SELECT
    exchange, symbol, width_s, open_ts,
    open, high, low, close, volume, quote_volume, trade_count, %(source)s
FROM staged_candles
ORDER BY open_ts
ON CONFLICT (exchange, symbol, width_s, open_ts) DO NOTHING;

-- name: revise
-- Candles stored with other values. A trigger keeps the replaced values in candle_revisions.
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
    (s.open, s.high, s.low, s.close, s.volume, s.quote_volume, s.trade_count);

-- name: record_holes
INSERT INTO candle_holes (exchange, symbol, width_s, open_ts, source)
SELECT %(exchange)s, %(symbol)s, %(width_s)s, to_timestamp(open_ts_s), %(source)s
FROM unnest(%(open_ts_s)s::bigint[]) AS open_ts_s
ON CONFLICT (exchange, symbol, width_s, open_ts) DO NOTHING;
