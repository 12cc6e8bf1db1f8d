-- What is there already stays as it is.
INSERT INTO {table} ({columns})
SELECT {columns}
FROM {staged}
ON CONFLICT ({key}) DO NOTHING
