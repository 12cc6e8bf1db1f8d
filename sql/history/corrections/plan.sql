-- Say what will be written; what was planned of the same day and never written is said anew.
INSERT INTO corrections (
    exchange, symbol, measurement, reason, first_ts, last_ts, points, max_relative_difference
)
VALUES (
    %(exchange)s, %(symbol)s, %(measurement)s, %(reason)s, %(first_ts)s, %(last_ts)s,
    %(points)s, %(max_relative_difference)s
)
ON CONFLICT (exchange, symbol, measurement, reason, date_trunc('day', first_ts, 'UTC'))
WHERE written_at IS NULL
DO UPDATE SET
    first_ts = excluded.first_ts,
    last_ts = excluded.last_ts,
    points = excluded.points,
    max_relative_difference = excluded.max_relative_difference,
    planned_at = now()
