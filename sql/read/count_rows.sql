-- How many rows the drain has stored, by table.
SELECT
    (SELECT count(*) FROM crypto_prices) AS snapshots,
    (SELECT count(*) FROM trades) AS trades,
    (SELECT count(*) FROM candles) AS candles,
    (SELECT count(*) FROM dead_letters) AS dead_letters
