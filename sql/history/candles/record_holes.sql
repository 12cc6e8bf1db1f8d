INSERT INTO candle_holes (exchange, symbol, width_s, open_ts, source)
SELECT %(exchange)s, %(symbol)s, %(width_s)s, to_timestamp(open_ts_s), %(source)s
FROM unnest(%(open_ts_s)s::bigint[]) AS open_ts_s
ON CONFLICT (exchange, symbol, width_s, open_ts) DO NOTHING
