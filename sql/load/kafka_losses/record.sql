-- What lies between the stored offset and the topic's beginning; this transaction has locked it.
INSERT INTO kafka_losses (topic, topic_id, partition, from_offset, until_offset, reason, drained_at)
SELECT topic, topic_id, partition, next_offset, %(beginning)s, %(reason)s, updated_at
FROM kafka_offsets
WHERE topic = %(topic)s AND partition = %(partition)s
ON CONFLICT DO NOTHING
