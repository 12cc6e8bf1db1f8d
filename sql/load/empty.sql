TRUNCATE {staged}
