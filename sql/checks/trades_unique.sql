-- severity: must
-- meaning: a trade of a market is stored once, whatever time it has
-- do: nothing if its minute is repaired by the next audit; else see gap_ledger
SELECT exchange, symbol, trade_id, count(*) AS stored
FROM trades
WHERE ts >= %(from_ts)s AND ts < %(until_ts)s
GROUP BY exchange, symbol, trade_id
HAVING count(*) > 1
