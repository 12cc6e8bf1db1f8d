-- Whether the drain's offsets still fit the topic, and what became of it when they did not.

-- Kafka's own id of the topic: one deleted and made again has another, however far it is filled.
-- Null where the broker has none; the next drain fills it in.
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

COMMENT ON COLUMN kafka_losses.until_offset IS 'null: the topic was made again, nobody knows how many it had';
COMMENT ON COLUMN kafka_losses.drained_at IS 'when the drain had last moved there: what is lost was written later, or shortly before';

GRANT SELECT, INSERT ON kafka_losses TO market_writer;

-- Why a drain would not go on, each case once.
CREATE TABLE drain_refusals (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text        NOT NULL CHECK (topic <> ''),
    topic_id    uuid,
    partition   integer     NOT NULL CHECK (partition >= 0),
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    kind        text        NOT NULL CHECK (kind IN ('made_again', 'cut', 'other_fold')),
    detail      text        NOT NULL CHECK (detail <> ''),
    refused_at  timestamptz NOT NULL DEFAULT now(),
    settled_at  timestamptz CHECK (settled_at >= refused_at),

    UNIQUE NULLS NOT DISTINCT (topic, topic_id, partition, next_offset, kind)
);

COMMENT ON COLUMN drain_refusals.topic_id IS 'of the topic found';
COMMENT ON COLUMN drain_refusals.settled_at IS 'when somebody had the drain start over; null: it still refuses';

GRANT SELECT, INSERT, UPDATE (detail, refused_at, settled_at) ON drain_refusals TO market_writer;

-- Have the next drain read the topic from its beginning; return the partitions forgotten. For the
-- writer, who may delete nothing. What a topic made again took with it is recorded as lost, its
-- end unknown.
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
        FROM public.drain_refusals
        WHERE topic = o.topic AND settled_at IS NULL AND kind IN ('made_again', 'cut')
        ORDER BY refused_at DESC, id DESC
        LIMIT 1
    ) AS r
    WHERE o.topic = forgotten
    ON CONFLICT DO NOTHING;

    UPDATE public.drain_refusals SET settled_at = now()
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
CREATE VIEW market_reader.drain_refusals AS SELECT * FROM public.drain_refusals;
GRANT SELECT ON market_reader.kafka_losses, market_reader.drain_refusals TO market_reader;
