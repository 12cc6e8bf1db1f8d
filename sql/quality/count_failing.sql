WITH failing AS (
    {check}
)

SELECT
    (SELECT count(*) FROM failing) AS failing,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(sample)), '[]')::text
        FROM (SELECT * FROM failing LIMIT 5) AS sample
    ) AS sample
