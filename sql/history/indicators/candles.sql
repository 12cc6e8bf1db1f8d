-- What each day's indicators are made of: its candles, those of the day before, and the last one
-- before these, whose close is carried into minutes that are missing. Nothing for a day without.
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
ORDER BY wanted.number, c.open_ts
