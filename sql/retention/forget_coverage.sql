-- Trades are expected only as long as they are kept.
UPDATE trade_coverage
SET since = %(before)s
WHERE since < %(before)s
