-- include/dashboards/alerts.py: queries of alert rules.

-- name: unproved
-- Audited minutes that are not proved, between five minutes and one hour old.
SELECT count(*) AS unproved
FROM minute_audits
WHERE
    status IN ('missing_trades', 'extra_trades', 'mismatch')
    AND minute >= now() - interval '1 hour'
    AND minute < now() - interval '5 minutes';

-- name: dead_letters
-- Records of the window that became dead letters.
SELECT count(*)::double precision AS records
FROM dead_letters
WHERE seen_at >= $__timeFrom() AND seen_at < $__timeTo();
