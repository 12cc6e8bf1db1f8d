-- Checks that must hold and did not, in the newest run.
SELECT count(*) FILTER (WHERE severity = 'must' AND failing > 0) AS failing
FROM quality_results
WHERE until_ts = (SELECT max(until_ts) FROM quality_results);
