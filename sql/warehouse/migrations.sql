-- include/warehouse/migrations.py: the record of applied migrations.

-- name: create_ledger
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text        PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: applied
SELECT name, sha256
FROM schema_migrations
ORDER BY name;

-- name: record
INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s);
