-- No keys and no checks: those of the table judge what leaves it.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_gaps ON COMMIT DELETE ROWS AS
TABLE gaps WITH NO DATA
