-- One row if it is ours to replay, none if somebody has done it.
INSERT INTO dead_letter_replays (sink, topic, partition, "offset", outcome)
VALUES (%(sink)s, %(topic)s, %(partition)s, %(offset)s, %(outcome)s)
ON CONFLICT DO NOTHING
