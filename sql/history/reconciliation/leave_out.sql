-- Minutes before the stream's first cannot be compared.
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
    AND i.reconciled_at IS NULL
