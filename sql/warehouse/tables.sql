-- include/warehouse/tables.py: templates for every table that is loaded by COPY.

-- name: copy
COPY {target} ({columns}) FROM STDIN (FORMAT BINARY);

-- name: stage
-- The staging table has no keys and no CHECKs: the target table checks the rows that reach it.
CREATE TEMPORARY TABLE IF NOT EXISTS {staged} ON COMMIT DELETE ROWS AS
TABLE {table} WITH NO DATA;

-- name: empty
TRUNCATE {staged};

-- name: merge
-- A row that is already stored stays as it is.
INSERT INTO {table} ({columns})
SELECT {columns}
FROM {staged}
ON CONFLICT ({key}) DO NOTHING;

-- name: ensure_trade_partitions
SELECT count(*) FILTER (WHERE ensure_trade_partition(day))
FROM unnest(%(days)s::date[]) AS days (day);
