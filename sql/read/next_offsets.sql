-- Where the drain goes on, by partition.
SELECT partition, next_offset
FROM kafka_offsets
WHERE topic = %(topic)s
