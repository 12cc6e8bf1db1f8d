-- severity: warn
-- meaning: among thirty or more snapshots of a symbol, some differ in price, book or volume
-- do: if other symbols move, the exchange has halted this one or serves cached data
SELECT exchange, symbol, count(*) AS snapshots
FROM crypto_prices
WHERE "timestamp" >= %(from_ts)s AND "timestamp" < %(until_ts)s
GROUP BY exchange, symbol
HAVING count(*) >= 30 AND count(DISTINCT (close, mid_price, quote_volume, depth_bid_base)) = 1
