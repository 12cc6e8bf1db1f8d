-- include/quality/checks.py: runs the files of sql/checks.

-- name: disagreeing_windows
-- Windows that were counted while a store was behind, or before a repair.
SELECT DISTINCT
    (extract(epoch FROM from_ts) * 1000)::bigint AS from_ms,
    (extract(epoch FROM until_ts) * 1000)::bigint AS until_ms
FROM store_counts
WHERE
    from_ts >= %(from_ts)s
    AND until_ts <= %(until_ts)s
    AND (
        raw_exchange <> raw_postgres
        OR trades_kafka <> trades_postgres
        OR trades_influxdb <> trades_postgres
        OR candles_influxdb <> candles_postgres
    );

-- name: count_failing
WITH failing AS (
    {check}
)

SELECT
    (SELECT count(*) FROM failing) AS failing,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(sample)), '[]')::text
        FROM (SELECT * FROM failing LIMIT 5) AS sample
    ) AS sample;

-- name: record
INSERT INTO quality_results ("check", severity, from_ts, until_ts, failing, sample)
VALUES (
    %(check)s, %(severity)s, %(from_ts)s, %(until_ts)s, %(failing)s, %(sample)s::jsonb
)
ON CONFLICT (until_ts, "check") DO UPDATE SET
    severity = excluded.severity,
    from_ts = excluded.from_ts,
    failing = excluded.failing,
    sample = excluded.sample,
    checked_at = now();
