-- severity: warn
-- meaning: trade ids of a market are contiguous, except for gaps that the producer reported
-- do: nothing if the minutes are complete: the exchange skipped an id
SELECT *
FROM (
    SELECT
        exchange,
        symbol,
        trade_id,
        lead(trade_id) OVER (PARTITION BY exchange, symbol ORDER BY trade_id) AS next_id
    FROM trades
    WHERE ts >= %(from_ts)s AND ts < %(until_ts)s
) AS neighbour
WHERE
    next_id > trade_id + 1
    AND NOT EXISTS (
        SELECT FROM gaps AS g
        WHERE
            g.exchange = neighbour.exchange
            AND g.symbol = neighbour.symbol
            AND g.first_id <= neighbour.trade_id + 1
            AND g.last_id >= neighbour.next_id - 1
    )
