-- No keys and no checks: those of the table judge what leaves it.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_trades ON COMMIT DELETE ROWS AS
TABLE trades WITH NO DATA
