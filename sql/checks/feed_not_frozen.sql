-- severity: warn
-- meaning: of thirty snapshots or more some differ in price, book or volume
-- do: if others move, the exchange has halted the symbol or serves a cache
SELECT exchange, symbol, count(*) AS snapshots
FROM crypto_prices
WHERE "timestamp" >= %(from_ts)s AND "timestamp" < %(until_ts)s
GROUP BY exchange, symbol
HAVING count(*) >= 30 AND count(DISTINCT (close, mid_price, quote_volume, depth_bid_base)) = 1
