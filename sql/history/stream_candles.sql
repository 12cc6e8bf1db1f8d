-- include/history/stream_candles.py: corrections of InfluxDB's closed minutes.

-- name: plan_correction
-- Recorded before the points are written. A plan of the same day that was never written is
-- replaced.
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
    planned_at = now();

-- name: finish_corrections
-- The planned points of these minutes are written, by this run or by one that was killed before
-- this statement.
UPDATE corrections
SET written_at = now()
WHERE
    exchange = %(exchange)s
    AND symbol = %(symbol)s
    AND measurement = %(measurement)s
    AND written_at IS NULL
    AND first_ts >= %(from_ts)s
    AND last_ts < %(until_ts)s;
