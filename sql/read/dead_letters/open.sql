-- The drain's letters that were not replayed, newest first.
SELECT topic, partition, "offset", reason, value_bytes, substring(value FOR %(most_bytes)s)
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
ORDER BY seen_at DESC, topic, partition, "offset" DESC
