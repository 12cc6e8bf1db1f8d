COPY staged_dead_letters (
    topic, partition, "offset", reason, value, value_bytes
) FROM STDIN (FORMAT BINARY)
