SELECT count(*) FILTER (WHERE ensure_trade_partition(day))
FROM unnest(%(days)s::date[]) AS days (day)
