-- Positions of the drain that do not fit the topic: lost offset ranges, and rejections.

-- Kafka's id of the topic. A topic that was deleted and recreated has another id. Null if the broker
-- has no topic ids; the next drain fills it in.
ALTER TABLE kafka_offsets ADD COLUMN topic_id uuid;
GRANT UPDATE (topic_id) ON kafka_offsets TO market_writer;

-- Records that were deleted before they were drained: [from_offset, until_offset).
CREATE TABLE kafka_losses (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text        NOT NULL CHECK (topic <> ''),
    topic_id     uuid,
    partition    integer     NOT NULL CHECK (partition >= 0),
    from_offset  bigint      NOT NULL CHECK (from_offset >= 0),
    until_offset bigint,
    reason       text        NOT NULL CHECK (reason <> ''),
    drained_at   timestamptz NOT NULL CHECK (isfinite(drained_at)),
    noticed_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT kafka_losses_offsets_ascend CHECK (from_offset < until_offset),
    UNIQUE NULLS NOT DISTINCT (topic, topic_id, partition, from_offset)
);

COMMENT ON COLUMN kafka_losses.until_offset IS 'null if the topic was recreated: its old end is unknown';
COMMENT ON COLUMN kafka_losses.drained_at IS 'last time the drain moved this offset; the lost records were written later, or shortly before';

GRANT SELECT, INSERT ON kafka_losses TO market_writer;

-- Positions that the drain rejected, each case once.
CREATE TABLE drain_rejections (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text        NOT NULL CHECK (topic <> ''),
    topic_id    uuid,
    partition   integer     NOT NULL CHECK (partition >= 0),
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    kind        text        NOT NULL CHECK (kind IN ('recreated', 'truncated', 'incompatible_fold')),
    detail      text        NOT NULL CHECK (detail <> ''),
    rejected_at  timestamptz NOT NULL DEFAULT now(),
    settled_at  timestamptz CHECK (settled_at >= rejected_at),

    UNIQUE NULLS NOT DISTINCT (topic, topic_id, partition, next_offset, kind)
);

COMMENT ON COLUMN drain_rejections.topic_id IS 'id of the topic that was found';
COMMENT ON COLUMN drain_rejections.settled_at IS 'time of make reset-offsets; null while the drain still rejects the position';

GRANT SELECT, INSERT, UPDATE (detail, rejected_at, settled_at) ON drain_rejections TO market_writer;

-- Delete the offsets of a topic, so that the next drain reads it from its beginning; return the
-- number of partitions. SECURITY DEFINER, because the writer may not delete. Records that were lost
-- with a recreated topic are recorded in kafka_losses, without an end.
CREATE FUNCTION forget_kafka_offsets(forgotten text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    partitions bigint;
BEGIN
    PERFORM FROM public.kafka_offsets WHERE topic = forgotten ORDER BY partition FOR UPDATE;

    INSERT INTO public.kafka_losses
        (topic, topic_id, partition, from_offset, reason, drained_at)
    SELECT o.topic, o.topic_id, o.partition, o.next_offset, r.detail, o.updated_at
    FROM public.kafka_offsets AS o
    CROSS JOIN LATERAL (
        SELECT detail
        FROM public.drain_rejections
        WHERE topic = o.topic AND settled_at IS NULL AND kind IN ('recreated', 'truncated')
        ORDER BY rejected_at DESC, id DESC
        LIMIT 1
    ) AS r
    WHERE o.topic = forgotten
    ON CONFLICT DO NOTHING;

    UPDATE public.drain_rejections SET settled_at = now()
    WHERE topic = forgotten AND settled_at IS NULL;

    DELETE FROM public.kafka_offsets WHERE topic = forgotten;
    GET DIAGNOSTICS partitions = ROW_COUNT;
    RETURN partitions;
END
$$;

REVOKE ALL ON FUNCTION forget_kafka_offsets(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_kafka_offsets(text) TO market_writer;

CREATE OR REPLACE VIEW market_reader.kafka_offsets AS SELECT * FROM public.kafka_offsets;
CREATE VIEW market_reader.kafka_losses AS SELECT * FROM public.kafka_losses;
CREATE VIEW market_reader.drain_rejections AS SELECT * FROM public.drain_rejections;
GRANT SELECT ON market_reader.kafka_losses, market_reader.drain_rejections TO market_reader;
