-- Seconds since the drain last moved an offset.
SELECT extract(epoch FROM now() - max(updated_at))::double precision AS age_s
FROM kafka_offsets;
