-- Records that cannot become rows: the reason, and the first 64 KB of the record.
CREATE TABLE dead_letters (
    topic       text        NOT NULL CHECK (topic <> ''),
    partition   integer     NOT NULL CHECK (partition >= 0),
    "offset"    bigint      NOT NULL CHECK ("offset" >= 0),
    reason      text        NOT NULL CHECK (reason <> ''),
    value       bytea       CHECK (octet_length(value) <= 65536),
    value_bytes integer     NOT NULL CHECK (value_bytes >= coalesce(octet_length(value), 0)),
    seen_at     timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (topic, partition, "offset")
);

COMMENT ON COLUMN dead_letters.value_bytes IS 'length of the whole record; value holds its start';

GRANT SELECT, INSERT ON dead_letters TO market_writer;
