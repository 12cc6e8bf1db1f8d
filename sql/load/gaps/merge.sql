-- What is there already stays as it is.
INSERT INTO gaps (
    exchange, symbol, first_id, last_id, reason, reported_at
)
SELECT
    exchange, symbol, first_id, last_id, reason, reported_at
FROM staged_gaps
ON CONFLICT (exchange, symbol, first_id, last_id) DO NOTHING
