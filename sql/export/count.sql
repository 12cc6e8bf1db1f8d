-- How many rows another statement of this folder returns.
SELECT count(*) FROM ({rows}) AS rows;
