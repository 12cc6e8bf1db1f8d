-- No keys and no checks: those of the table judge what leaves it.
CREATE TEMPORARY TABLE IF NOT EXISTS {staged} ON COMMIT DELETE ROWS AS
TABLE {table} WITH NO DATA
