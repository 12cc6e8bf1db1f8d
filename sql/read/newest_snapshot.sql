-- When the newest snapshot that PostgreSQL has happened; null if it has none.
SELECT max("timestamp") AS newest
FROM latest_prices
