-- Once a case, however often it is met; again if somebody had settled it.
INSERT INTO drain_refusals (topic, topic_id, partition, next_offset, kind, detail)
VALUES (%(topic)s, %(topic_id)s, %(partition)s, %(next_offset)s, %(kind)s, %(detail)s)
ON CONFLICT (topic, topic_id, partition, next_offset, kind) DO UPDATE
SET detail = excluded.detail, refused_at = now(), settled_at = NULL
WHERE drain_refusals.settled_at IS NOT NULL
