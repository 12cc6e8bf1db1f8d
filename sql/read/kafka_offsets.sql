-- Where the drain goes on, from which fold, of which topic, by partition.
SELECT partition, next_offset, fold, topic_id
FROM kafka_offsets
WHERE topic = %(topic)s
