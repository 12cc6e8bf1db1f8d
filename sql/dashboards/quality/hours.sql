-- Share of each market's minutes that are proved complete, hour by hour, in percent.
SELECT
    date_trunc('hour', minute, 'UTC') AS time,
    exchange || ' ' || symbol AS metric,
    100.0 * count(*) FILTER (WHERE status = 'complete') / count(*) AS proved
FROM minute_audits
WHERE $__timeFilter(minute)
GROUP BY 1, 2
ORDER BY 1, 2;
