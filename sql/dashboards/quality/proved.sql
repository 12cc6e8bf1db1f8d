-- Share of the audited minutes that are proved complete, in percent.
SELECT 100.0 * count(*) FILTER (WHERE status = 'complete') / nullif(count(*), 0) AS proved
FROM minute_audits
WHERE $__timeFilter(minute);
