-- include/warehouse/continuity.py: lost offset ranges, and positions the drain rejects.

-- name: record_rejection
-- One row a case, however often the drain meets it. A case that was settled opens again.
INSERT INTO drain_rejections (topic, topic_id, partition, next_offset, kind, detail)
VALUES (%(topic)s, %(topic_id)s, %(partition)s, %(next_offset)s, %(kind)s, %(detail)s)
ON CONFLICT (topic, topic_id, partition, next_offset, kind) DO UPDATE
SET detail = excluded.detail, rejected_at = now(), settled_at = NULL
WHERE drain_rejections.settled_at IS NOT NULL;

-- name: record_loss
-- The range from the stored offset to the topic's beginning. The caller holds the row's lock.
INSERT INTO kafka_losses (topic, topic_id, partition, from_offset, until_offset, reason, drained_at)
SELECT topic, topic_id, partition, next_offset, %(beginning)s, %(reason)s, updated_at
FROM kafka_offsets
WHERE topic = %(topic)s AND partition = %(partition)s
ON CONFLICT DO NOTHING;
