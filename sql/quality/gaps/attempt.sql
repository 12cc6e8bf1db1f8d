UPDATE gap_ledger
SET attempts = attempts + 1, tried_at = now(), how = %(obstacle)s
WHERE
    closed_at IS NULL
    AND exchange = %(exchange)s
    AND symbol = %(symbol)s
    AND minute >= to_timestamp(%(from_ms)s / 1000.0)
    AND minute < to_timestamp(%(until_ms)s / 1000.0)
