-- These minutes are compared, unless they were computed again meanwhile.
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
    AND i.reconciled_at IS NULL
