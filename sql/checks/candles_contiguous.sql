-- severity: error
-- meaning: there is a candle for each minute that the exchange has one for
-- do: run backfill_candles for the missing minutes
SELECT exchange, symbol, open_ts, next_ts
FROM (
    SELECT
        exchange,
        symbol,
        open_ts,
        lead(open_ts) OVER (PARTITION BY exchange, symbol ORDER BY open_ts) AS next_ts
    FROM candles
    WHERE width_s = 60 AND open_ts >= %(from_ts)s AND open_ts < %(until_ts)s
) AS neighbour
WHERE
    next_ts > open_ts + interval '1 minute'
    AND extract(epoch FROM next_ts - open_ts) / 60 - 1 > (
        SELECT count(*)
        FROM candle_holes AS h
        WHERE
            h.exchange = neighbour.exchange
            AND h.symbol = neighbour.symbol
            AND h.width_s = 60
            AND h.open_ts > neighbour.open_ts
            AND h.open_ts < neighbour.next_ts
    )
