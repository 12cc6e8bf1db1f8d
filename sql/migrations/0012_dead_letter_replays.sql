-- Dead letters that were put through the decoder again after a fix, and what came of it: once for
-- each sink, whose letters they are. The drain's letters are rows of dead_letters, the consumer's
-- records of a topic; both stay.
CREATE TABLE dead_letter_replays (
    sink        text        NOT NULL CHECK (sink IN ('postgresql', 'influxdb')),
    topic       text        NOT NULL CHECK (topic <> ''),
    partition   integer     NOT NULL CHECK (partition >= 0),
    "offset"    bigint      NOT NULL CHECK ("offset" >= 0),
    outcome     text        NOT NULL CHECK (outcome <> ''),
    replayed_at timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (sink, topic, partition, "offset")
);

GRANT SELECT, INSERT ON dead_letter_replays TO market_writer;

CREATE VIEW market_reader.dead_letter_replays AS SELECT * FROM public.dead_letter_replays;
GRANT SELECT ON market_reader.dead_letter_replays TO market_reader;
