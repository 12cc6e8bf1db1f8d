-- Dead letters that were decoded and written again after a fix, with the outcome, once for each
-- sink. Dead letters of the drain are rows of dead_letters, those of the consumer are records of a
-- topic. Both stay.
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
