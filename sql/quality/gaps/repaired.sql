-- Of the gaps of a window, those whose minute had trades added or removed.
UPDATE gap_ledger AS g
SET
    repaired_at = now(),
    trades_added = g.trades_added + d.added,
    trades_removed = g.trades_removed + d.removed
FROM unnest(
    %(minutes)s::timestamptz[], %(added)s::integer[], %(removed)s::integer[]
) AS d (minute, added, removed)
WHERE
    g.closed_at IS NULL
    AND g.exchange = %(exchange)s
    AND g.symbol = %(symbol)s
    AND g.minute = d.minute
