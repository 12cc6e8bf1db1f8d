-- The result of each check of sql/checks, by window.
CREATE TABLE quality_results (
    "check"    text        NOT NULL CHECK ("check" <> ''),
    severity   text        NOT NULL CHECK (severity IN ('error', 'warn')),
    from_ts    timestamptz NOT NULL,
    until_ts   timestamptz NOT NULL,
    failing    bigint      NOT NULL CHECK (failing >= 0),
    sample     jsonb       NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (until_ts, "check"),
    CONSTRAINT quality_results_window CHECK (from_ts < until_ts)
);

COMMENT ON COLUMN quality_results.failing IS 'rows that break the rule';
COMMENT ON COLUMN quality_results.sample IS 'the first five of these rows';

-- Rows of a window in each store. Trades are aggregates as stored, or raw trades in columns raw_*.
CREATE TABLE store_counts (
    exchange          text        NOT NULL CHECK (exchange <> ''),
    symbol            text        NOT NULL CHECK (symbol <> ''),
    from_ts           timestamptz NOT NULL,
    until_ts          timestamptz NOT NULL,
    raw_exchange      numeric     NOT NULL,
    raw_postgres      numeric     NOT NULL,
    trades_kafka      bigint      NOT NULL,
    trades_postgres   bigint      NOT NULL,
    trades_influxdb   bigint      NOT NULL,
    candles_postgres  bigint      NOT NULL,
    candles_influxdb  bigint      NOT NULL,
    counted_at        timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (until_ts, exchange, symbol),
    CONSTRAINT store_counts_window CHECK (from_ts < until_ts)
);

GRANT SELECT, INSERT, UPDATE (severity, from_ts, failing, sample, checked_at)
ON quality_results TO market_writer;
GRANT
SELECT,
INSERT,
UPDATE (
    from_ts, raw_exchange, raw_postgres, trades_kafka, trades_postgres, trades_influxdb,
    candles_postgres, candles_influxdb, counted_at
)
ON store_counts TO market_writer;

CREATE VIEW market_reader.quality_results AS SELECT * FROM public.quality_results;
CREATE VIEW market_reader.store_counts AS SELECT * FROM public.store_counts;
GRANT SELECT ON market_reader.quality_results, market_reader.store_counts TO market_reader;
