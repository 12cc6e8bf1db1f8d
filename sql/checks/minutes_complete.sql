-- severity: must
-- meaning: every audited minute of the window is proved complete, or the exchange tells no counts
-- do: see its open gap in gap_ledger; `how` says what is in the way
SELECT exchange, symbol, minute, status, trades_told, trades_stored
FROM minute_audits
WHERE
    status IN ('short', 'over', 'wrong')
    AND minute >= %(from_ts)s
    AND minute < %(until_ts)s
