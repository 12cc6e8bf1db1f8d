COPY gaps (
    exchange, symbol, first_id, last_id, reason, reported_at
) FROM STDIN (FORMAT BINARY)
