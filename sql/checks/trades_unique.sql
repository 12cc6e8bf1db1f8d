-- severity: error
-- meaning: a trade id of a market is stored once
-- do: nothing if the next audit repairs its minute; otherwise see gap_ledger
SELECT exchange, symbol, trade_id, count(*) AS stored
FROM trades
WHERE ts >= %(from_ts)s AND ts < %(until_ts)s
GROUP BY exchange, symbol, trade_id
HAVING count(*) > 1
