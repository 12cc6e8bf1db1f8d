-- Who may do what. market_owner runs this file and owns all it makes; market_writer is the drain;
-- market_reader is Grafana and people. The roles themselves are the server's: set-up makes them.

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

-- PostgreSQL looks for a table first in the schema named like the role: the reader writes
-- `FROM crypto_prices` as everybody does, and gets the view of that name.
CREATE SCHEMA market_reader;
GRANT USAGE ON SCHEMA market_reader TO market_reader;
