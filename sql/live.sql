-- include/live: what PostgreSQL proves of one market.

-- name: proof
-- The age of the newest snapshot (null without one), the audited and the complete minutes of the
-- last 24 hours, and the open gaps.
SELECT
    (
        SELECT extract(epoch FROM now() - max("timestamp"))::double precision
        FROM crypto_prices
        WHERE exchange = %(exchange)s AND symbol = %(symbol)s
    ) AS lag_s,
    count(*) AS audited_minutes,
    count(*) FILTER (WHERE status = 'complete') AS proved_minutes,
    (
        SELECT count(*)
        FROM gap_ledger
        WHERE exchange = %(exchange)s AND symbol = %(symbol)s AND closed_at IS NULL
    ) AS open_gaps
FROM minute_audits
WHERE exchange = %(exchange)s AND symbol = %(symbol)s AND minute >= now() - interval '24 hours';
