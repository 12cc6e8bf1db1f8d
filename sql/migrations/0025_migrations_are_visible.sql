-- The writer can check that all migrations are applied, as `make doctor` does.
GRANT SELECT ON schema_migrations TO market_writer;
