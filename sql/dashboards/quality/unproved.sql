-- Minutes of the last hour, five minutes old or more, that are audited and not proved.
SELECT count(*) AS unproved
FROM minute_audits
WHERE
    status IN ('short', 'over', 'wrong')
    AND minute >= now() - interval '1 hour'
    AND minute < now() - interval '5 minutes';
