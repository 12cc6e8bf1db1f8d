-- How far PostgreSQL is behind for one market: the age of its newest tick, null if it has none.
SELECT extract(epoch FROM now() - max("timestamp"))::double precision AS lag_s
FROM crypto_prices
WHERE exchange = %(exchange)s AND symbol = %(symbol)s;
