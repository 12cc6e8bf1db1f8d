COPY crypto_prices (
    exchange, symbol, "timestamp", open, high, low, close, volume, base_volume, quote_volume,
    price_change_pct, price_spread, daily_range, market_depth_ratio, order_book_imbalance,
    turnover_ratio, mid_price, spread_bps, vwap_24h, order_book_imbalance_l1, microprice,
    depth_bid_base, depth_ask_base, depth_quote_10bps, data_age_ms
) FROM STDIN (FORMAT BINARY)
