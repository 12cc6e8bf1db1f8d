-- A partition met for the first time starts at the topic's beginning, with an empty fold.
INSERT INTO kafka_offsets (topic, topic_id, partition, next_offset, fold)
VALUES (%(topic)s, %(topic_id)s, %(partition)s, %(next_offset)s, %(fold)s)
ON CONFLICT (topic, partition) DO NOTHING
