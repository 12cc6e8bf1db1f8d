-- include/history/reconciliation.py: the stream compared with the batch.

-- name: try_lock
-- True if no other session reconciles. The lock is held until unlock or the end of the session.
SELECT pg_try_advisory_lock(hashtext('reconciliation'));

-- name: unlock
SELECT pg_advisory_unlock(hashtext('reconciliation'));

-- name: skip_before_stream
-- Minutes before the stream's first minute cannot be compared.
UPDATE indicators AS i
SET reconciled_at = now()
FROM
    unnest(%(exchanges)s::text[], %(symbols)s::text[], %(first)s::timestamptz[])
    AS span (exchange, symbol, first_ts)
WHERE
    i.exchange = span.exchange
    AND i.symbol = span.symbol
    AND i.width_s = %(width_s)s
    AND i.open_ts < span.first_ts
    AND i.reconciled_at IS NULL;

-- name: open_hours
-- Hours with minutes to compare, up to the stream's last minute. One row for each market and day.
SELECT
    i.exchange,
    i.symbol,
    array_agg(DISTINCT date_trunc('hour', i.open_ts, 'UTC')) AS hours,
    min(span.first_ts) AS first_ts,
    max(span.last_ts) AS last_ts
FROM
    unnest(
        %(exchanges)s::text[], %(symbols)s::text[],
        %(first)s::timestamptz[], %(last)s::timestamptz[]
    ) AS span (exchange, symbol, first_ts, last_ts)
INNER JOIN indicators AS i
    ON
        i.exchange = span.exchange
        AND i.symbol = span.symbol
        AND i.width_s = %(width_s)s
        AND i.open_ts BETWEEN span.first_ts AND span.last_ts
        AND i.reconciled_at IS NULL
GROUP BY i.exchange, i.symbol, date_trunc('day', i.open_ts, 'UTC')
ORDER BY date_trunc('day', i.open_ts, 'UTC') DESC, i.exchange, i.symbol;

-- name: minutes
-- The batch's values of each minute of some hours, up to the stream's last minute.
SELECT
    (extract(epoch FROM c.open_ts) * 1000)::bigint AS open_ts_ms,
    i.computed_at,
    c.open,
    c.high,
    c.low,
    c.close,
    c.volume,
    c.quote_volume,
    c.trade_count,
    i.vwap,
    i.macd,
    i.macd_signal,
    i.macd_hist
FROM indicators AS i
INNER JOIN candles AS c USING (exchange, symbol, width_s, open_ts)
WHERE
    i.exchange = %(exchange)s
    AND i.symbol = %(symbol)s
    AND i.width_s = %(width_s)s
    AND i.open_ts >= %(from_ts)s
    AND i.open_ts < %(until_ts)s
    AND i.open_ts BETWEEN %(first_ts)s AND %(last_ts)s
    AND date_trunc('hour', i.open_ts, 'UTC') = ANY(%(hours)s)
    AND i.candle_revision = c.revision
ORDER BY c.open_ts;

-- name: settle
-- Marks minutes as compared, unless they were recomputed in the meantime.
UPDATE indicators AS i
SET reconciled_at = now()
FROM
    unnest(%(open_ts_ms)s::bigint[], %(computed_at)s::timestamptz[])
    AS read (open_ts_ms, computed_at)
WHERE
    i.exchange = %(exchange)s
    AND i.symbol = %(symbol)s
    AND i.width_s = %(width_s)s
    AND i.open_ts = to_timestamp(read.open_ts_ms / 1000)
    AND i.computed_at = read.computed_at
    AND i.reconciled_at IS NULL;

-- name: record
-- The result of one hour replaces the earlier result.
INSERT INTO reconciliations (
    exchange, symbol, stream, kpi, window_start, window_end,
    compared, missing, max_relative_difference, tolerance
)
VALUES (
    %(exchange)s, %(symbol)s, %(stream)s, %(kpi)s, %(window_start)s, %(window_end)s,
    %(compared)s, %(missing)s, %(max_relative_difference)s, %(tolerance)s
)
ON CONFLICT (exchange, symbol, stream, kpi, window_start) DO UPDATE SET
    window_end = excluded.window_end,
    compared = excluded.compared,
    missing = excluded.missing,
    max_relative_difference = excluded.max_relative_difference,
    tolerance = excluded.tolerance,
    reconciled_at = now();
