-- Every check's newest result, the failing ones first.
SELECT DISTINCT ON (failing > 0, severity, "check")
    "check", severity, failing, until_ts AS checked_until, sample
FROM quality_results
WHERE until_ts = (SELECT max(until_ts) FROM quality_results)
ORDER BY failing > 0 DESC, severity, "check";
