-- include/history/indicators.py: indicators of stored candles.

-- name: now
-- The start of this transaction, by PostgreSQL's clock.
SELECT now() AS now;

-- name: stale
-- Days with candles whose indicators are missing or of an older revision, and the first such
-- candle. A candle's written_at is the start of its transaction, which ended within one hour.
SELECT
    c.exchange,
    c.symbol,
    min(c.open_ts) AS first_ts
FROM candles AS c
LEFT JOIN indicators AS i USING (exchange, symbol, width_s, open_ts)
WHERE
    c.width_s = %(width_s)s
    AND c.written_at >= coalesce(
        (SELECT looked_at - interval '1 hour' FROM recomputations WHERE width_s = %(width_s)s),
        '-infinity'
    )
    AND i.candle_revision IS DISTINCT FROM c.revision
GROUP BY c.exchange, c.symbol, date_trunc('day', c.open_ts, 'UTC')
ORDER BY first_ts, c.exchange, c.symbol;

-- name: record_scan
-- All candles written before looked_at were examined.
INSERT INTO recomputations (width_s, looked_at) VALUES (%(width_s)s, %(looked_at)s)
ON CONFLICT (width_s) DO UPDATE SET looked_at = excluded.looked_at;

-- name: lock
-- One recomputation at a time. The next one sees what this one commits.
SELECT pg_advisory_xact_lock(hashtext('indicators'));

-- name: candles
-- The input of each day's indicators: its candles, those of the day before, and the last candle
-- before these, whose close is carried into missing minutes. A day without candles has no rows.
SELECT
    wanted.number,
    (extract(epoch FROM c.open_ts) / 60)::bigint AS open_minute,
    c.close,
    c.volume,
    coalesce(c.quote_volume, (c.high + c.low + c.close) / 3 * c.volume) AS quote_volume,
    c.revision
FROM
    unnest(%(exchanges)s::text[], %(symbols)s::text[], %(days)s::timestamptz[])
    WITH ORDINALITY AS wanted (exchange, symbol, day, number)
CROSS JOIN LATERAL (
    SELECT
        coalesce(
            (
                SELECT max(earlier.open_ts)
                FROM candles AS earlier
                WHERE
                    earlier.exchange = wanted.exchange
                    AND earlier.symbol = wanted.symbol
                    AND earlier.width_s = %(width_s)s
                    AND earlier.open_ts <= wanted.day - interval '24 hours'
            ),
            '-infinity'
        ) AS open_ts
    WHERE EXISTS (
        SELECT
        FROM candles AS own
        WHERE
            own.exchange = wanted.exchange
            AND own.symbol = wanted.symbol
            AND own.width_s = %(width_s)s
            AND own.open_ts >= wanted.day
            AND own.open_ts < wanted.day + interval '24 hours'
    )
) AS first_read
INNER JOIN candles AS c
    ON
        c.exchange = wanted.exchange
        AND c.symbol = wanted.symbol
        AND c.width_s = %(width_s)s
        AND c.open_ts >= first_read.open_ts
        AND c.open_ts < wanted.day + interval '24 hours'
ORDER BY wanted.number, c.open_ts;

-- name: upsert
-- Staged rows that are new or have other values. They have to be reconciled again.
INSERT INTO indicators AS i
    (exchange, symbol, width_s, open_ts, vwap, macd, macd_signal, macd_hist, candle_revision)
SELECT
    exchange, symbol, width_s, open_ts, vwap, macd, macd_signal, macd_hist, candle_revision
FROM staged_indicators
ON CONFLICT (exchange, symbol, width_s, open_ts) DO UPDATE SET
    vwap = excluded.vwap,
    macd = excluded.macd,
    macd_signal = excluded.macd_signal,
    macd_hist = excluded.macd_hist,
    candle_revision = excluded.candle_revision,
    computed_at = now(),
    reconciled_at = NULL
WHERE
    (i.vwap, i.macd, i.macd_signal, i.macd_hist, i.candle_revision)
    IS DISTINCT FROM
    (
        excluded.vwap, excluded.macd, excluded.macd_signal, excluded.macd_hist,
        excluded.candle_revision
    );
