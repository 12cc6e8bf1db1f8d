-- How long each run took, by DAG.
SELECT
    start_date AS "time",
    dag_id AS metric,
    extract(epoch FROM end_date - start_date)::double precision AS seconds
FROM dag_run
WHERE $__timeFilter(start_date) AND end_date IS NOT NULL
ORDER BY start_date;
