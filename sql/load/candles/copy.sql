COPY candles (
    exchange, symbol, width_s, open_ts, open, high, low, close, volume, quote_volume,
    trade_count
) FROM STDIN (FORMAT BINARY)
