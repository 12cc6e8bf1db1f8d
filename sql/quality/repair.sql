-- include/quality/repair.py: stored trades replaced by those of the exchange's history.

-- name: remove_trades
-- Stored trades that the history lacks or has with other values. Only minutes that the history
-- itself proves are touched: an incomplete answer of the exchange removes nothing.
WITH proven AS (
    SELECT c.open_ts
    FROM candles AS c
    INNER JOIN staged_trades AS s
        ON
            (s.exchange, s.symbol) = (c.exchange, c.symbol)
            AND s.ts >= c.open_ts
            AND s.ts < c.open_ts + interval '1 minute'
    WHERE
        c.exchange = %(exchange)s
        AND c.symbol = %(symbol)s
        AND c.width_s = 60
        AND c.open_ts >= to_timestamp(%(from_ms)s / 1000.0)
        AND c.open_ts < to_timestamp(%(until_ms)s / 1000.0)
        AND NOT (s.first_id = -1 AND s.last_id = -1)
    GROUP BY c.open_ts, c.trade_count, c.volume
    HAVING
        sum(s.last_id - s.first_id + 1) = c.trade_count
        AND abs(sum(s.amount) - c.volume) <= 1e-9 * c.volume
),

-- Materialized, so that remove_trade is called only for these rows, in any order of conditions.
wrong AS MATERIALIZED (
    SELECT t.exchange, t.symbol, t.trade_id, t.ts
    FROM proven AS p
    INNER JOIN trades AS t
        ON
            t.exchange = %(exchange)s
            AND t.symbol = %(symbol)s
            AND t.ts >= p.open_ts
            AND t.ts < p.open_ts + interval '1 minute'
    WHERE NOT EXISTS (
        SELECT FROM staged_trades AS s
        WHERE
            (s.trade_id, s.first_id, s.last_id, s.ts, s.price, s.amount, s.side)
            = (t.trade_id, t.first_id, t.last_id, t.ts, t.price, t.amount, t.side)
    )
)

SELECT date_trunc('minute', ts, 'UTC') AS minute
FROM wrong
WHERE remove_trade(exchange, symbol, trade_id, ts);

-- name: add_trades
INSERT INTO trades (exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side)
SELECT exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side
FROM staged_trades
ORDER BY ts, trade_id
ON CONFLICT (ts, trade_id, symbol, exchange) DO NOTHING
RETURNING date_trunc('minute', ts, 'UTC');

-- name: trades
SELECT
    trade_id, first_id, last_id, (extract(epoch FROM ts) * 1000)::bigint AS ts_ms,
    price, amount, side
FROM trades
WHERE
    exchange = %(exchange)s
    AND symbol = %(symbol)s
    AND ts >= to_timestamp(%(from_ms)s / 1000.0)
    AND ts < to_timestamp(%(until_ms)s / 1000.0)
ORDER BY trade_id;
