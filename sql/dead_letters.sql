-- include/dead_letters.py: dead letters of the drain, and replays of both sinks.

-- name: open
-- Dead letters of the drain that were not replayed, newest first.
SELECT topic, partition, "offset", reason, value_bytes, substring(value FOR %(max_bytes)s)
FROM dead_letters
WHERE
    NOT EXISTS (
        SELECT FROM dead_letter_replays AS r
        WHERE
            r.sink = 'postgresql'
            AND r.topic = dead_letters.topic
            AND r.partition = dead_letters.partition
            AND r."offset" = dead_letters."offset"
    )
ORDER BY seen_at DESC, topic, partition, "offset" DESC;

-- name: value
SELECT value
FROM dead_letters
WHERE topic = %(topic)s AND partition = %(partition)s AND "offset" = %(offset)s;

-- name: replayed
SELECT topic, partition, "offset"
FROM dead_letter_replays
WHERE sink = %(sink)s;

-- name: mark_replayed
-- One row if this process replays the record, none if another process did.
INSERT INTO dead_letter_replays (sink, topic, partition, "offset", outcome)
VALUES (%(sink)s, %(topic)s, %(partition)s, %(offset)s, %(outcome)s)
ON CONFLICT DO NOTHING;
