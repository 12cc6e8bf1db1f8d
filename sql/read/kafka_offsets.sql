-- Where the drain goes on, and from which fold, by partition.
SELECT partition, next_offset, fold
FROM kafka_offsets
WHERE topic = %(topic)s
