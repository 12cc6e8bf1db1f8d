-- Whether nobody else is reconciling; then nobody can until this session gives its turn back.
SELECT pg_try_advisory_lock(hashtext('reconciliation'))
