-- severity: warn
-- meaning: no gap is open for more than one hour
-- do: read the obstacle in gap_ledger.how; the audit retries, in the end once a day
SELECT exchange, symbol, minute, cause, attempts, how
FROM gap_ledger
WHERE
    closed_at IS NULL
    AND opened_at < now() - interval '1 hour'
    AND minute < %(until_ts)s
