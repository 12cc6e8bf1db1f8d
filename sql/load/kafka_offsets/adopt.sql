-- Offsets of before topics had ids are taken to be this topic's. It locks those rows only.
UPDATE kafka_offsets SET topic_id = %(topic_id)s
WHERE topic = %(topic)s AND topic_id IS NULL
