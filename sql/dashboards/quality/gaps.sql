-- Gaps of the time range by cause: how many are open, how many were closed, what a repair brought.
SELECT
    cause,
    count(*) FILTER (WHERE minute IS NOT NULL AND closed_at IS NULL) AS open,
    count(closed_at) AS closed,
    coalesce(sum(trades_added), 0) AS trades_added,
    coalesce(sum(trades_removed), 0) AS trades_removed,
    max(minute) AS newest
FROM (
    VALUES ('our downtime'), ('some missing'), ('wrong values'), ('quiet market'), ('exchange outage')
) AS causes (cause)
LEFT JOIN (SELECT * FROM gap_ledger WHERE $__timeFilter(minute)) AS ledger USING (cause)
GROUP BY cause
ORDER BY open DESC, closed DESC, cause;
