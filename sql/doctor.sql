-- include/doctor: the reader role.

-- name: read
-- Fails without the right to read the views. Returns no row.
SELECT FROM market_reader.latest_prices LIMIT 0;
