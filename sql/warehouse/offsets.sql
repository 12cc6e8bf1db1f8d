-- include/warehouse/offsets.py: the drain's position in each partition.

-- name: register
-- A new partition starts at the topic's beginning, with an empty fold.
INSERT INTO kafka_offsets (topic, topic_id, partition, next_offset, fold)
VALUES (%(topic)s, %(topic_id)s, %(partition)s, %(next_offset)s, %(fold)s)
ON CONFLICT (topic, partition) DO NOTHING;

-- name: adopt
-- Rows written before topic ids were stored get the id of the current topic. Other rows stay
-- unlocked.
UPDATE kafka_offsets SET topic_id = %(topic_id)s
WHERE topic = %(topic)s AND topic_id IS NULL;

-- name: positions
SELECT partition, next_offset, fold, topic_id
FROM kafka_offsets
WHERE topic = %(topic)s;

-- name: lock
-- A fixed order: two drains wait for each other and never deadlock.
SELECT partition, next_offset
FROM kafka_offsets
WHERE topic = %(topic)s
ORDER BY partition
FOR UPDATE;

-- name: move
UPDATE kafka_offsets
SET next_offset = %(next_offset)s, fold = %(fold)s, updated_at = now()
WHERE topic = %(topic)s AND partition = %(partition)s;

-- name: forget
SELECT forget_kafka_offsets(%(topic)s);
