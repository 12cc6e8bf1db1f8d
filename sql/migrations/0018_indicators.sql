-- The indicators of each stored candle by pandas-ta: an independent check of the stream's values.
CREATE TABLE indicators (
    exchange        text             NOT NULL CHECK (exchange <> ''),
    symbol          text             NOT NULL CHECK (symbol <> ''),
    width_s         integer          NOT NULL CHECK (width_s > 0 AND width_s % 60 = 0),
    open_ts         timestamptz      NOT NULL CHECK (isfinite(open_ts)),
    vwap            double precision CHECK (vwap > 0 AND vwap < 'Infinity'),
    macd            double precision CHECK (abs(macd) < 'Infinity'),
    macd_signal     double precision CHECK (abs(macd_signal) < 'Infinity'),
    macd_hist       double precision CHECK (abs(macd_hist) < 'Infinity'),
    candle_revision integer          NOT NULL CHECK (candle_revision >= 0),
    computed_at     timestamptz      NOT NULL DEFAULT now(),
    reconciled_at   timestamptz,

    PRIMARY KEY (exchange, symbol, width_s, open_ts)
);

COMMENT ON COLUMN indicators.vwap IS 'VWAP of the UTC day up to the end of the candle';
COMMENT ON COLUMN indicators.candle_revision IS 'revision of the candle these values were computed from';
COMMENT ON COLUMN indicators.reconciled_at IS
    'time the stream was compared with these values; null before that';

CREATE INDEX indicators_unreconciled
ON indicators (exchange, symbol, open_ts) WHERE reconciled_at IS NULL;

-- Candles written before looked_at were examined. Candles written later are new.
CREATE TABLE recomputations (
    width_s   integer     PRIMARY KEY,
    looked_at timestamptz NOT NULL
);

CREATE INDEX candles_written_at ON candles (written_at);

GRANT SELECT, INSERT ON indicators, recomputations TO market_writer;
GRANT UPDATE (vwap, macd, macd_signal, macd_hist, candle_revision, computed_at, reconciled_at)
ON indicators TO market_writer;
GRANT UPDATE (looked_at) ON recomputations TO market_writer;

CREATE VIEW market_reader.indicators AS SELECT * FROM public.indicators;
GRANT SELECT ON market_reader.indicators TO market_reader;
