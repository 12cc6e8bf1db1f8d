-- Share of each market's minutes that are proved complete, hour by hour, in percent; null where no
-- minute was audited.
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
