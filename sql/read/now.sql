-- When this transaction began, by PostgreSQL's clock.
SELECT now() AS now
