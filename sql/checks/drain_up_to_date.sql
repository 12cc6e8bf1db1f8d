-- severity: warn
-- meaning: the drain moved an offset within five minutes before the window's end
-- do: nothing comes in (make status), or drain_kafka fails: see its last run
SELECT max(updated_at) AS moved_at
FROM kafka_offsets
HAVING max(updated_at) < %(until_ts)s::timestamptz - interval '5 minutes'
