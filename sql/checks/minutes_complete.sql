-- severity: error
-- meaning: every audited minute of the window is proved complete or unverifiable
-- do: read the obstacle of its open gap in gap_ledger.how
SELECT exchange, symbol, minute, status, trades_told, trades_stored
FROM minute_audits
WHERE
    status IN ('missing_trades', 'extra_trades', 'mismatch')
    AND minute >= %(from_ts)s
    AND minute < %(until_ts)s
