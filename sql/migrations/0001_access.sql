-- Rights of the three roles. market_owner runs the migrations and owns all tables. market_writer is
-- the role of the drain and the DAGs. market_reader is the role of Grafana and analysts. Set-up
-- creates the roles, because they belong to the server and not to this database.

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO market_writer', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO market_reader', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO market_writer;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- PostgreSQL searches the schema named like the role first: `FROM crypto_prices` reads the view for
-- the reader, and the table for all other roles.
CREATE SCHEMA market_reader;
GRANT USAGE ON SCHEMA market_reader TO market_reader;
