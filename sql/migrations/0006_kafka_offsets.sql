-- The next offset the drain reads, moved in the transaction that writes the rows before it.
CREATE TABLE kafka_offsets (
    topic       text        NOT NULL CHECK (topic <> ''),
    partition   integer     NOT NULL CHECK (partition >= 0),
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (topic, partition)
);

GRANT SELECT, INSERT, UPDATE (next_offset, updated_at) ON kafka_offsets TO market_writer;
