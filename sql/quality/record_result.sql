INSERT INTO quality_results ("check", severity, from_ts, until_ts, failing, sample)
VALUES (
    %(check)s, %(severity)s, %(from_ts)s, %(until_ts)s, %(failing)s, %(sample)s::jsonb
)
ON CONFLICT (until_ts, "check") DO UPDATE SET
    severity = excluded.severity,
    from_ts = excluded.from_ts,
    failing = excluded.failing,
    sample = excluded.sample,
    checked_at = now()
