-- No keys and no checks: those of the table judge what leaves it.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_crypto_prices ON COMMIT DELETE ROWS AS
TABLE crypto_prices WITH NO DATA
