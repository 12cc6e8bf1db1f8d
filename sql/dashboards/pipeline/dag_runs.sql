-- How the newest run of each DAG went, and how many of the last 24 hours went so.
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
