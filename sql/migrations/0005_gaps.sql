-- Trades that the producer reported as missing: ids first_id to last_id, inclusive, and the reason.
CREATE TABLE gaps (
    exchange    text        NOT NULL CHECK (exchange <> ''),
    symbol      text        NOT NULL CHECK (symbol <> ''),
    first_id    bigint      NOT NULL CHECK (first_id >= 0),
    last_id     bigint      NOT NULL,
    reason      text        NOT NULL,
    reported_at timestamptz NOT NULL CHECK (isfinite(reported_at)),

    PRIMARY KEY (exchange, symbol, first_id, last_id),
    CONSTRAINT gaps_ids_ascend CHECK (first_id <= last_id)
);

GRANT SELECT, INSERT ON gaps TO market_writer;
