SELECT value
FROM dead_letters
WHERE topic = %(topic)s AND partition = %(partition)s AND "offset" = %(offset)s
