-- Minutes that are not proved, and not yet repaired.
SELECT count(*) AS open_gaps
FROM gap_ledger
WHERE closed_at IS NULL;
