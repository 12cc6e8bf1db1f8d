-- severity: warn
-- meaning: every record could be read
-- do: read their reasons in dead_letters; a producer of another version, or one that is not ours
SELECT topic, partition, "offset", reason
FROM dead_letters
WHERE seen_at >= %(from_ts)s AND seen_at < %(until_ts)s
