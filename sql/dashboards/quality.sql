-- include/dashboards/quality.py: queries of the dashboard Quality.

-- name: proved
-- Share of the audited minutes that are proved complete, in percent.
SELECT 100.0 * count(*) FILTER (WHERE status = 'complete') / nullif(count(*), 0) AS proved
FROM minute_audits
WHERE $__timeFilter(minute);

-- name: open_gaps
-- Minutes that are not proved and not yet repaired.
SELECT count(*) AS open_gaps
FROM gap_ledger
WHERE closed_at IS NULL;

-- name: failing_checks
-- Failing checks of severity error in the newest run.
SELECT count(*) FILTER (WHERE severity = 'error' AND failing > 0) AS failing
FROM quality_results
WHERE until_ts = (SELECT max(until_ts) FROM quality_results);

-- name: hours
-- Share of each market's minutes that are proved complete, by hour, in percent. Null if no minute
-- was audited.
SELECT
    hour AS time,
    market AS metric,
    100.0 * count(*) FILTER (WHERE status = 'complete') / nullif(count(status), 0) AS proved
FROM
    generate_series(
        date_trunc('hour', $__timeFrom()::timestamptz, 'UTC'), $__timeTo()::timestamptz,
        interval '1 hour'
    ) AS hours (hour)
CROSS JOIN (SELECT DISTINCT exchange || ' ' || symbol AS market FROM minute_audits) AS markets
LEFT JOIN
    (
        SELECT date_trunc('hour', minute, 'UTC') AS hour, exchange || ' ' || symbol AS market, status
        FROM minute_audits
        WHERE $__timeFilter(minute)
    ) AS audited
    USING (hour, market)
GROUP BY hour, market
ORDER BY hour, market;

-- name: gaps
-- Gaps of the time range by cause: open, closed, and the trades their repair added and removed.
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

-- name: counts
-- Rows in each store, of the newest window that was counted.
SELECT
    exchange, symbol, raw_exchange, raw_postgres, trades_kafka, trades_postgres, trades_influxdb,
    candles_postgres, candles_influxdb, until_ts
FROM store_counts
WHERE until_ts = (SELECT max(until_ts) FROM store_counts)
ORDER BY exchange, symbol;

-- name: checks
-- The newest result of every check, failing ones first.
SELECT DISTINCT ON (failing > 0, severity, "check")
    "check", severity, failing, until_ts AS checked_until, sample
FROM quality_results
WHERE until_ts = (SELECT max(until_ts) FROM quality_results)
ORDER BY failing > 0 DESC, severity, "check";
