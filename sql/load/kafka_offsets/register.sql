-- A partition met for the first time starts at the topic's beginning.
INSERT INTO kafka_offsets (topic, partition, next_offset)
VALUES (%(topic)s, %(partition)s, %(next_offset)s)
ON CONFLICT (topic, partition) DO NOTHING
