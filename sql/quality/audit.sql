-- include/quality/audit.py: one audit at a time.

-- name: lock
-- A second audit waits. The lock ends with the session at the latest.
SELECT pg_advisory_lock(hashtext('audit_quality'));

-- name: unlock
SELECT pg_advisory_unlock(hashtext('audit_quality'));
