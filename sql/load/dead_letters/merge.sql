-- What is there already stays as it is.
INSERT INTO dead_letters (
    topic, partition, "offset", reason, value, value_bytes
)
SELECT
    topic, partition, "offset", reason, value, value_bytes
FROM staged_dead_letters
ON CONFLICT (topic, partition, "offset") DO NOTHING
