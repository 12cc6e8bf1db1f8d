-- What was planned of these minutes is written, by this run or by one that could not say so.
UPDATE corrections
SET written_at = now()
WHERE
    exchange = %(exchange)s
    AND symbol = %(symbol)s
    AND measurement = %(measurement)s
    AND written_at IS NULL
    AND first_ts >= %(from_ts)s
    AND last_ts < %(until_ts)s
