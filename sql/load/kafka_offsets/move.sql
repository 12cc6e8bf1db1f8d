UPDATE kafka_offsets
SET next_offset = %(next_offset)s, fold = %(fold)s, updated_at = now()
WHERE topic = %(topic)s AND partition = %(partition)s
