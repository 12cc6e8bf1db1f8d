-- Open gaps to try now: each waits longer after each attempt, at most a day.
SELECT exchange, symbol, (extract(epoch FROM minute) * 1000)::bigint AS minute_ms
FROM gap_ledger
WHERE
    closed_at IS NULL
    AND (
        tried_at IS NULL
        OR tried_at + least(interval '1 minute' * 2 ^ least(attempts - 1, 11), interval '1 day') <= now()
    )
ORDER BY exchange, symbol, minute
LIMIT %(most)s
