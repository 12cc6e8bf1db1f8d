-- Remember that all candles written before were looked at.
INSERT INTO recomputations (width_s, looked_at) VALUES (%(width_s)s, %(looked_at)s)
ON CONFLICT (width_s) DO UPDATE SET looked_at = excluded.looked_at
