-- include/dashboards/pipeline.py: queries of the dashboard Pipeline.

-- name: drain_age
-- Seconds since the drain last moved an offset.
SELECT extract(epoch FROM now() - max(updated_at))::double precision AS age_s
FROM kafka_offsets;

-- name: incidents
-- Failures on the way to PostgreSQL: how often, and when last.
SELECT
    kind,
    count(*) FILTER (WHERE at >= now() - interval '1 hour') AS last_hour,
    count(*) FILTER (WHERE at >= now() - interval '1 day') AS last_day,
    count(at) AS ever,
    max(at) AS newest
FROM (
    VALUES ('dead letters'), ('offset ranges lost before the drain'),
    ('rejections by the drain')
) AS kinds (kind)
LEFT JOIN (
    SELECT 'dead letters' AS kind, seen_at AS at FROM dead_letters
    UNION ALL
    SELECT 'offset ranges lost before the drain', noticed_at FROM kafka_losses
    UNION ALL
    SELECT 'rejections by the drain', rejected_at FROM drain_rejections
) AS incidents USING (kind)
GROUP BY kind
ORDER BY kind;

-- name: dag_runs
-- The newest run of each DAG, and the results of its runs of the last 24 hours.
SELECT DISTINCT ON (dag_id)
    dag_id AS dag,
    state AS newest,
    start_date AS started,
    extract(epoch FROM coalesce(end_date, now()) - start_date)::double precision AS took,
    count(*) FILTER (WHERE state = 'success') OVER runs AS succeeded,
    count(*) FILTER (WHERE state = 'failed') OVER runs AS failed
FROM dag_run
WHERE queued_at >= now() - interval '24 hours'
WINDOW runs AS (PARTITION BY dag_id)
ORDER BY dag_id, queued_at DESC;

-- name: dag_run_seconds
-- Duration of each run, by DAG.
SELECT
    start_date AS "time",
    dag_id AS metric,
    extract(epoch FROM end_date - start_date)::double precision AS seconds
FROM dag_run
WHERE $__timeFilter(start_date) AND end_date IS NOT NULL
ORDER BY start_date;
