-- severity: warn
-- meaning: trades with greater ids are not earlier
-- do: the exchange's clock went back; its minutes are still proved by their counts
SELECT *
FROM (
    SELECT
        exchange,
        symbol,
        trade_id,
        ts,
        lead(ts) OVER (PARTITION BY exchange, symbol ORDER BY trade_id) AS next_ts
    FROM trades
    WHERE ts >= %(from_ts)s AND ts < %(until_ts)s
) AS neighbour
WHERE next_ts < ts
