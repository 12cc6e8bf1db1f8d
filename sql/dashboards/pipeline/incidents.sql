-- What went wrong on the way to PostgreSQL: how often, and when last.
SELECT
    kind,
    count(*) FILTER (WHERE at >= now() - interval '1 hour') AS last_hour,
    count(*) FILTER (WHERE at >= now() - interval '1 day') AS last_day,
    count(at) AS ever,
    max(at) AS newest
FROM (
    VALUES ('records that could not be read'), ('ranges lost before they were drained'),
    ('times the drain refused to go on')
) AS kinds (kind)
LEFT JOIN (
    SELECT 'records that could not be read' AS kind, seen_at AS at FROM dead_letters
    UNION ALL
    SELECT 'ranges lost before they were drained', noticed_at FROM kafka_losses
    UNION ALL
    SELECT 'times the drain refused to go on', refused_at FROM drain_refusals
) AS incidents USING (kind)
GROUP BY kind
ORDER BY kind;
