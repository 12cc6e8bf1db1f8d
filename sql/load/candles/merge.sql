-- What is there already stays as it is.
INSERT INTO candles (
    exchange, symbol, width_s, open_ts, open, high, low, close, volume, quote_volume,
    trade_count
)
SELECT
    exchange, symbol, width_s, open_ts, open, high, low, close, volume, quote_volume,
    trade_count
FROM staged_candles
ON CONFLICT (exchange, symbol, width_s, open_ts) DO NOTHING
