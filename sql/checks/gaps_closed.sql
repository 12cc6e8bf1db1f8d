-- severity: warn
-- meaning: no gap is open for more than an hour
-- do: `how` says what was in the way; the audit goes on trying, at last once a day
SELECT exchange, symbol, minute, cause, attempts, how
FROM gap_ledger
WHERE
    closed_at IS NULL
    AND opened_at < now() - interval '1 hour'
    AND minute < %(until_ts)s
