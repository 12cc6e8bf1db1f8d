-- Proved complete, or nothing to prove: the exchange's history has no candle of the minute.
WITH judged AS (
    SELECT
        g.id,
        a.status IS NULL AS is_hole,
        c.trade_count = 0 AS is_quiet,
        a.status = 'unverifiable' AS is_unverifiable
    FROM gap_ledger AS g
    LEFT JOIN candles AS c
        ON (c.exchange, c.symbol, c.width_s, c.open_ts) = (g.exchange, g.symbol, 60, g.minute)
    LEFT JOIN minute_audits AS a
        ON (a.exchange, a.symbol, a.minute) = (g.exchange, g.symbol, g.minute)
    LEFT JOIN candle_holes AS h
        ON (h.exchange, h.symbol, h.width_s, h.open_ts) = (g.exchange, g.symbol, 60, g.minute)
    WHERE
        g.closed_at IS NULL
        AND g.exchange = %(exchange)s
        AND g.symbol = %(symbol)s
        AND g.minute >= to_timestamp(%(from_ms)s / 1000.0)
        AND g.minute < to_timestamp(%(until_ms)s / 1000.0)
        AND (
            (c.open_ts IS NOT NULL AND a.status IN ('complete', 'unverifiable'))
            OR (c.open_ts IS NULL AND h.open_ts IS NOT NULL)
        )
)

UPDATE gap_ledger AS g
SET
    closed_at = now(),
    seconds_written = (
        SELECT count(DISTINCT date_trunc('second', t.ts))
        FROM trades AS t
        WHERE
            t.exchange = g.exchange
            AND t.symbol = g.symbol
            AND t.ts >= g.minute
            AND t.ts < g.minute + interval '1 minute'
    ),
    cause = CASE
        WHEN j.is_hole THEN 'exchange outage'
        WHEN j.is_quiet THEN 'quiet market'
        ELSE g.cause
    END,
    how = CASE
        WHEN j.is_hole THEN 'the exchange has no candle of it'
        WHEN j.is_unverifiable THEN 'unverifiable: the exchange tells no counts of it'
        ELSE 'proved complete from the exchange''s history'
    END
FROM judged AS j
WHERE g.id = j.id
