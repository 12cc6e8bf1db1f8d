-- Each minute's trades are read once, whatever the number of markets. Void aggregates (first and
-- last id -1) count for nothing.
WITH due AS (
    SELECT *
    FROM unnest(
        %(exchanges)s::text[], %(symbols)s::text[], %(minutes)s::timestamptz[]
    ) AS due (exchange, symbol, minute)
),

stored AS (
    SELECT moment.minute, per_market.*
    FROM (SELECT DISTINCT minute FROM due) AS moment
    CROSS JOIN LATERAL (
        SELECT
            t.exchange,
            t.symbol,
            sum(t.last_id - t.first_id + 1) AS trades,
            sum(t.amount) AS volume,
            sum(t.price * t.amount) AS quote_volume,
            (array_agg(t.price ORDER BY t.trade_id))[1] AS open,
            max(t.price) AS high,
            min(t.price) AS low,
            (array_agg(t.price ORDER BY t.trade_id DESC))[1] AS close
        FROM trades AS t
        WHERE
            t.ts >= moment.minute
            AND t.ts < moment.minute + interval '1 minute'
            AND NOT (t.first_id = -1 AND t.last_id = -1)
        GROUP BY t.exchange, t.symbol
    ) AS per_market
),

compared AS (
    SELECT
        c.exchange,
        c.symbol,
        c.open_ts AS minute,
        c.trade_count AS trades_told,
        c.volume AS volume_told,
        c.quote_volume AS quote_volume_told,
        coalesce(s.trades, 0) AS trades_stored,
        coalesce(s.volume, 0) AS volume_stored,
        coalesce(s.quote_volume, 0) AS quote_volume_stored,
        s.trades IS NULL OR (s.open, s.high, s.low, s.close) = (c.open, c.high, c.low, c.close)
            AS has_same_prices
    FROM due
    INNER JOIN candles AS c
        ON (c.exchange, c.symbol, c.width_s, c.open_ts) = (due.exchange, due.symbol, 60, due.minute)
    LEFT JOIN stored AS s
        ON (s.exchange, s.symbol, s.minute) = (due.exchange, due.symbol, due.minute)
)

INSERT INTO minute_audits (
    exchange, symbol, minute, status, trades_told, trades_stored, volume_told, volume_stored,
    quote_volume_told, quote_volume_stored
)
SELECT
    exchange,
    symbol,
    minute,
    CASE
        WHEN trades_told IS NULL OR quote_volume_told IS NULL THEN 'unverifiable'
        WHEN trades_stored < trades_told THEN 'short'
        WHEN trades_stored > trades_told THEN 'over'
        WHEN
            has_same_prices
            AND abs(volume_stored - volume_told) <= 1e-9 * greatest(volume_stored, volume_told)
            AND abs(quote_volume_stored - quote_volume_told)
            <= 1e-9 * greatest(quote_volume_stored, quote_volume_told)
            THEN 'complete'
        ELSE 'wrong'
    END,
    trades_told,
    trades_stored,
    volume_told,
    volume_stored,
    quote_volume_told,
    quote_volume_stored
FROM compared
ORDER BY exchange, symbol, minute
ON CONFLICT (exchange, symbol, minute) DO UPDATE SET
    status = excluded.status,
    trades_told = excluded.trades_told,
    trades_stored = excluded.trades_stored,
    volume_told = excluded.volume_told,
    volume_stored = excluded.volume_stored,
    quote_volume_told = excluded.quote_volume_told,
    quote_volume_stored = excluded.quote_volume_stored,
    proved_at = excluded.proved_at
RETURNING status
