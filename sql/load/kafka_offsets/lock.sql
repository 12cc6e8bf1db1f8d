-- In one order, so that two drains wait for each other and never deadlock.
SELECT partition, next_offset
FROM kafka_offsets
WHERE topic = %(topic)s
ORDER BY partition
FOR UPDATE
