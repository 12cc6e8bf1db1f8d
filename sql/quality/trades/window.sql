SELECT
    trade_id, first_id, last_id, (extract(epoch FROM ts) * 1000)::bigint AS ts_ms,
    price, amount, side
FROM trades
WHERE
    exchange = %(exchange)s
    AND symbol = %(symbol)s
    AND ts >= to_timestamp(%(from_ms)s / 1000.0)
    AND ts < to_timestamp(%(until_ms)s / 1000.0)
ORDER BY trade_id
