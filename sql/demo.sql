-- local/demo: progress of the drain.

-- name: count_rows
-- Rows the drain has stored, by table.
SELECT
    (SELECT count(*) FROM crypto_prices) AS snapshots,
    (SELECT count(*) FROM trades) AS trades,
    (SELECT count(*) FROM candles) AS candles,
    (SELECT count(*) FROM dead_letters) AS dead_letters;

-- name: newest_snapshot
-- Time of the newest stored snapshot. Null without one.
SELECT max("timestamp") AS newest
FROM latest_prices;

-- name: next_offsets
-- The drain's next offset, by partition.
SELECT partition, next_offset
FROM kafka_offsets
WHERE topic = %(topic)s;
