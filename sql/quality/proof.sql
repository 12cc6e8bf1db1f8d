-- include/quality/proof.py: the proof of closed minutes, and the ledger of gaps.

-- name: cover
-- A market's trades are expected from the minute of its first stored trade. The trades' index
-- starts with the time, so the search for the first trade of a market is slow and runs only once.
INSERT INTO trade_coverage (exchange, symbol, since)
SELECT market.exchange, market.symbol, date_trunc('minute', first.ts, 'UTC')
FROM (
    SELECT DISTINCT exchange, symbol FROM candles
    EXCEPT
    SELECT exchange, symbol FROM trade_coverage
) AS market
CROSS JOIN LATERAL (
    SELECT t.ts
    FROM trades AS t
    WHERE t.exchange = market.exchange AND t.symbol = market.symbol
    ORDER BY t.ts
    LIMIT 1
) AS first
ON CONFLICT (exchange, symbol) DO NOTHING;

-- name: due_minutes
-- Minutes to prove: never proved, failed, with a candle that changed since, or recent (late
-- trades). As a scrub, also the minutes with the oldest proofs.
(
    SELECT c.exchange, c.symbol, c.open_ts AS minute
    FROM trade_coverage AS k
    INNER JOIN candles AS c
        ON (c.exchange, c.symbol, c.width_s) = (k.exchange, k.symbol, 60) AND c.open_ts >= k.since
    LEFT JOIN minute_audits AS a
        ON (a.exchange, a.symbol, a.minute) = (c.exchange, c.symbol, c.open_ts)
    WHERE
        a.minute IS NULL
        OR a.status IN ('missing_trades', 'extra_trades', 'mismatch')
        OR a.proved_at < c.written_at
        OR a.minute >= %(recent_ts)s
    ORDER BY c.open_ts DESC
    LIMIT %(max_minutes)s
)
UNION
(
    SELECT a.exchange, a.symbol, a.minute
    FROM minute_audits AS a
    INNER JOIN trade_coverage AS k
        ON (k.exchange, k.symbol) = (a.exchange, a.symbol) AND k.since <= a.minute
    ORDER BY a.proved_at
    LIMIT %(scrub_minutes)s
)
ORDER BY exchange, symbol, minute;

-- name: prove
-- Reads the trades of each minute once, for all markets. Void aggregates (first and last id -1)
-- are not counted.
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
        WHEN trades_stored < trades_told THEN 'missing_trades'
        WHEN trades_stored > trades_told THEN 'extra_trades'
        WHEN
            has_same_prices
            AND abs(volume_stored - volume_told) <= 1e-9 * greatest(volume_stored, volume_told)
            AND abs(quote_volume_stored - quote_volume_told)
            <= 1e-9 * greatest(quote_volume_stored, quote_volume_told)
            THEN 'complete'
        ELSE 'mismatch'
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
RETURNING status;

-- name: open_gaps
-- Minutes that failed their proof, and minutes without a candle between two candles.
WITH neighbours AS (
    SELECT
        c.exchange,
        c.symbol,
        c.open_ts,
        lead(c.open_ts) OVER (PARTITION BY c.exchange, c.symbol ORDER BY c.open_ts) AS next_ts
    FROM trade_coverage AS k
    INNER JOIN candles AS c
        ON (c.exchange, c.symbol, c.width_s) = (k.exchange, k.symbol, 60) AND c.open_ts >= k.since
),

without_candle AS (
    SELECT n.exchange, n.symbol, minute
    FROM neighbours AS n
    CROSS JOIN LATERAL generate_series(
        n.open_ts + interval '1 minute', n.next_ts - interval '1 minute', interval '1 minute'
    ) AS minute
    WHERE
        n.next_ts > n.open_ts + interval '1 minute'
        AND NOT EXISTS (
            SELECT FROM candle_holes AS h
            WHERE
                (h.exchange, h.symbol, h.width_s, h.open_ts) = (n.exchange, n.symbol, 60, minute)
        )
),

failing AS (
    SELECT
        a.exchange,
        a.symbol,
        a.minute,
        CASE
            WHEN a.status <> 'missing_trades' THEN 'wrong values'
            WHEN a.trades_stored = 0 THEN 'our downtime'
            ELSE 'some missing'
        END AS cause
    FROM minute_audits AS a
    INNER JOIN trade_coverage AS k USING (exchange, symbol)
    WHERE a.status IN ('missing_trades', 'extra_trades', 'mismatch') AND a.minute >= k.since
    UNION ALL
    SELECT exchange, symbol, minute, 'our downtime' AS cause
    FROM without_candle
)

INSERT INTO gap_ledger (exchange, symbol, minute, cause)
SELECT exchange, symbol, minute, cause
FROM failing
ORDER BY exchange, symbol, minute
ON CONFLICT (exchange, symbol, minute) WHERE closed_at IS NULL DO NOTHING;

-- name: due_gaps
-- Open gaps to try now. The wait doubles with each attempt, up to one day.
SELECT exchange, symbol, (extract(epoch FROM minute) * 1000)::bigint AS minute_ms
FROM gap_ledger
WHERE
    closed_at IS NULL
    AND (
        tried_at IS NULL
        OR tried_at + least(interval '1 minute' * 2 ^ least(attempts - 1, 11), interval '1 day')
        <= now()
    )
ORDER BY exchange, symbol, minute
LIMIT %(max_minutes)s;

-- name: record_attempt
UPDATE gap_ledger
SET attempts = attempts + 1, tried_at = now(), how = %(obstacle)s
WHERE
    closed_at IS NULL
    AND exchange = %(exchange)s
    AND symbol = %(symbol)s
    AND minute >= to_timestamp(%(from_ms)s / 1000.0)
    AND minute < to_timestamp(%(until_ms)s / 1000.0);

-- name: record_repair
-- Gaps of a window whose minute had trades added or removed.
UPDATE gap_ledger AS g
SET
    repaired_at = now(),
    trades_added = g.trades_added + d.added,
    trades_removed = g.trades_removed + d.removed
FROM unnest(
    %(minutes)s::timestamptz[], %(added)s::integer[], %(removed)s::integer[]
) AS d (minute, added, removed)
WHERE
    g.closed_at IS NULL
    AND g.exchange = %(exchange)s
    AND g.symbol = %(symbol)s
    AND g.minute = d.minute;

-- name: close_gaps
-- Gaps that are proved complete, or have nothing to prove: the exchange's history has no candle
-- of the minute.
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
        WHEN j.is_hole THEN 'the exchange has no candle of this minute'
        WHEN j.is_unverifiable THEN 'unverifiable: the exchange reports no counts of it'
        ELSE 'proved complete from the exchange''s history'
    END
FROM judged AS j
WHERE g.id = j.id;
