SELECT topic, partition, "offset"
FROM dead_letter_replays
WHERE sink = %(sink)s
