-- The stream compared with the batch, by market, hour and KPI: the difference between InfluxDB's
-- points and the indicators of the same minutes.
CREATE TABLE reconciliations (
    exchange                text             NOT NULL CHECK (exchange <> ''),
    symbol                  text             NOT NULL CHECK (symbol <> ''),
    stream                  text             NOT NULL CHECK (stream <> ''),
    kpi                     text             NOT NULL CHECK (kpi <> ''),
    window_start            timestamptz      NOT NULL CHECK (isfinite(window_start)),
    window_end              timestamptz      NOT NULL,
    compared                integer          NOT NULL CHECK (compared >= 0),
    missing                 integer          NOT NULL CHECK (missing >= 0),
    max_relative_difference double precision CHECK (max_relative_difference >= 0 AND max_relative_difference < 'Infinity'),
    tolerance               double precision NOT NULL CHECK (tolerance > 0 AND tolerance < 1),
    status                  text             NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN max_relative_difference > tolerance THEN 'differs'
            WHEN missing > 0 THEN 'missing'
            ELSE 'equal'
        END
    ) STORED,
    reconciled_at           timestamptz      NOT NULL DEFAULT now(),

    PRIMARY KEY (exchange, symbol, stream, kpi, window_start),
    CONSTRAINT reconciliations_windows_ascend CHECK (window_start < window_end)
);

COMMENT ON COLUMN reconciliations.stream IS 'measurement in InfluxDB';
COMMENT ON COLUMN reconciliations.missing IS 'minutes with a value of the batch and none of the stream';
COMMENT ON COLUMN reconciliations.max_relative_difference IS
    'relative to the vwap, or for MACD to the close; null if nothing was compared';

GRANT SELECT, INSERT ON reconciliations TO market_writer;
GRANT UPDATE (window_end, compared, missing, max_relative_difference, tolerance, reconciled_at)
ON reconciliations TO market_writer;

CREATE VIEW market_reader.reconciliations AS SELECT * FROM public.reconciliations;
GRANT SELECT ON market_reader.reconciliations TO market_reader;
