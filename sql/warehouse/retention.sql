-- include/warehouse/retention.py: deletion of old rows.

-- name: drop_trade_partitions
SELECT drop_trade_partitions(%(before)s);

-- name: forget_coverage
-- Trades are expected only as long as they are kept.
UPDATE trade_coverage
SET since = %(before)s
WHERE since < %(before)s;

-- name: delete_older
SELECT delete_older(%(table)s, %(before)s, %(max_rows)s);
