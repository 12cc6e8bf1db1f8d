-- severity: warn
-- meaning: the drain moved an offset within five minutes before the window's end
-- do: check that data arrives (make status), and the last run of drain_kafka
SELECT max(updated_at) AS moved_at
FROM kafka_offsets
HAVING max(updated_at) < %(until_ts)s::timestamptz - interval '5 minutes'
