-- Hours with minutes to compare, of those the stream has come to; a market's day a row.
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
ORDER BY date_trunc('day', i.open_ts, 'UTC') DESC, i.exchange, i.symbol
