-- Two audits at once take turns; the lock goes with the session, however that ends.
SELECT pg_advisory_lock(hashtext('audit_quality'))
