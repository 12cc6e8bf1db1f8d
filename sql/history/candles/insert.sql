-- Candles nobody had stored. In order of time, as the drain: two who write never deadlock.
INSERT INTO candles (
    exchange, symbol, width_s, open_ts,
    open, high, low, close, volume, quote_volume, trade_count, source
)
SELECT
    exchange, symbol, width_s, open_ts,
    open, high, low, close, volume, quote_volume, trade_count, %(source)s
FROM staged_candles
ORDER BY open_ts
ON CONFLICT (exchange, symbol, width_s, open_ts) DO NOTHING
