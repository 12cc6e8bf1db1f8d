-- Closed candles as the exchange reported them, one row per market, width and opening time.
CREATE TABLE candles (
    exchange     text             NOT NULL CHECK (exchange <> ''),
    symbol       text             NOT NULL CHECK (symbol <> ''),
    width_s      integer          NOT NULL CHECK (width_s > 0 AND width_s % 60 = 0),
    open_ts      timestamptz      NOT NULL CHECK (isfinite(open_ts)),
    open         double precision NOT NULL,
    high         double precision NOT NULL CHECK (high < 'Infinity'),
    low          double precision NOT NULL CHECK (low > 0),
    close        double precision NOT NULL,
    volume       double precision NOT NULL CHECK (volume >= 0 AND volume < 'Infinity'),
    quote_volume double precision CHECK (quote_volume >= 0 AND quote_volume < 'Infinity'),
    trade_count  integer          CHECK (trade_count >= 0),
    written_at   timestamptz      NOT NULL DEFAULT now(),

    PRIMARY KEY (exchange, symbol, width_s, open_ts),
    CONSTRAINT candles_enclose CHECK (low <= least(open, close) AND greatest(open, close) <= high),
    CONSTRAINT candles_aligned CHECK (extract(epoch FROM open_ts) % nullif(width_s, 0) = 0)
);

COMMENT ON COLUMN candles.quote_volume IS 'null if the exchange does not report it';
COMMENT ON COLUMN candles.trade_count IS 'raw trades; null if the exchange does not report it';

GRANT SELECT, INSERT ON candles TO market_writer;
