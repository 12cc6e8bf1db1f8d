INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)
