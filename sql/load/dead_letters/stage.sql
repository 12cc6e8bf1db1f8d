-- No keys and no checks: those of the table judge what leaves it.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_dead_letters ON COMMIT DELETE ROWS AS
TABLE dead_letters WITH NO DATA
