-- Who writes can tell whether the tables are of its version: `make doctor`.
GRANT SELECT ON schema_migrations TO market_writer;
