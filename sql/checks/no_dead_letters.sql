-- severity: warn
-- meaning: the drain decoded and stored every record
-- do: read the reasons in dead_letters: another version of the producer, or another program, writes
SELECT topic, partition, "offset", reason
FROM dead_letters
WHERE seen_at >= %(from_ts)s AND seen_at < %(until_ts)s
