-- Points of InfluxDB that were wrong or missing and were written again. The row is inserted before
-- the points are written, so that every correction is recorded.
CREATE TABLE corrections (
    id                      bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange                text             NOT NULL CHECK (exchange <> ''),
    symbol                  text             NOT NULL CHECK (symbol <> ''),
    measurement             text             NOT NULL CHECK (measurement <> ''),
    reason                  text             NOT NULL CHECK (reason IN ('missing', 'candle', 'indicators')),
    first_ts                timestamptz      NOT NULL,
    last_ts                 timestamptz      NOT NULL,
    points                  integer          NOT NULL CHECK (points > 0),
    max_relative_difference double precision CHECK (max_relative_difference > 0),
    planned_at              timestamptz      NOT NULL DEFAULT now(),
    written_at              timestamptz,

    CONSTRAINT corrections_times_ascend CHECK (first_ts <= last_ts)
);

COMMENT ON COLUMN corrections.reason IS
    'missing: no point; candle: a point with another candle; indicators: with other indicators';
COMMENT ON COLUMN corrections.max_relative_difference IS
    'between old and new values; null without old values';
COMMENT ON COLUMN corrections.written_at IS 'null while it is only planned';

CREATE UNIQUE INDEX corrections_planned
ON corrections (exchange, symbol, measurement, reason, date_trunc('day', first_ts, 'UTC'))
WHERE written_at IS NULL;

GRANT SELECT, INSERT ON corrections TO market_writer;
GRANT UPDATE (first_ts, last_ts, points, max_relative_difference, planned_at, written_at)
ON corrections TO market_writer;

CREATE VIEW market_reader.corrections AS SELECT * FROM public.corrections;
GRANT SELECT ON market_reader.corrections TO market_reader;
