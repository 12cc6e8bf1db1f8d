SELECT pg_advisory_unlock(hashtext('audit_quality'))
