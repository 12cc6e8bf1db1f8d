-- One recomputation at a time; the next one sees what this one commits.
SELECT pg_advisory_xact_lock(hashtext('indicators'))
