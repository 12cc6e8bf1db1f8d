-- The KPIs of every snapshot, one row each. Columns and units: include/kpis/registry.py.
-- PostgreSQL sorts NaN above all numbers, so every CHECK has an upper bound.
CREATE TABLE crypto_prices (
    id                      bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange                text             NOT NULL CHECK (exchange <> ''),
    symbol                  text             NOT NULL CHECK (symbol <> ''),
    "timestamp"             timestamptz      NOT NULL CHECK (isfinite("timestamp")),

    open                    double precision CHECK (open >= 0 AND open < 'Infinity'),
    high                    double precision CHECK (high >= 0 AND high < 'Infinity'),
    low                     double precision CHECK (low >= 0 AND low < 'Infinity'),
    close                   double precision NOT NULL CHECK (close > 0 AND close < 'Infinity'),
    volume                  double precision CHECK (volume >= 0 AND volume < 'Infinity'),
    base_volume             double precision CHECK (base_volume >= 0 AND base_volume < 'Infinity'),
    quote_volume            double precision CHECK (quote_volume >= 0 AND quote_volume < 'Infinity'),
    price_change_pct        double precision CHECK (abs(price_change_pct) < 'Infinity'),
    price_spread            double precision CHECK (price_spread > 0 AND price_spread < 'Infinity'),
    daily_range             double precision CHECK (abs(daily_range) < 'Infinity'),
    vwap                    double precision CHECK (vwap > 0 AND vwap < 'Infinity'),
    market_depth_ratio      double precision CHECK (market_depth_ratio >= 0 AND market_depth_ratio < 'Infinity'),
    order_book_imbalance    double precision CHECK (order_book_imbalance BETWEEN -1 AND 1),
    turnover_ratio          double precision CHECK (turnover_ratio >= 0 AND turnover_ratio < 'Infinity'),
    mid_price               double precision CHECK (mid_price > 0 AND mid_price < 'Infinity'),
    spread_bps              double precision CHECK (spread_bps > 0 AND spread_bps < 'Infinity'),
    vwap_24h                double precision CHECK (vwap_24h >= 0 AND vwap_24h < 'Infinity'),
    order_book_imbalance_l1 double precision CHECK (order_book_imbalance_l1 BETWEEN -1 AND 1),
    microprice              double precision CHECK (microprice > 0 AND microprice < 'Infinity'),
    depth_bid_base          double precision CHECK (depth_bid_base >= 0 AND depth_bid_base < 'Infinity'),
    depth_ask_base          double precision CHECK (depth_ask_base >= 0 AND depth_ask_base < 'Infinity'),
    depth_quote_10bps       double precision CHECK (depth_quote_10bps >= 0 AND depth_quote_10bps < 'Infinity'),
    data_age_ms             double precision CHECK (abs(data_age_ms) < 'Infinity'),

    UNIQUE (exchange, symbol, "timestamp")
);

COMMENT ON COLUMN crypto_prices."timestamp" IS 'event time of the exchange';

GRANT SELECT, INSERT ON crypto_prices TO market_writer;
