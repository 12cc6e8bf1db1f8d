-- severity: warn
-- meaning: vwap and MACD of closed minutes in InfluxDB equal those of pandas-ta, to 1e-9
-- do: recompute_indicators writes them again; if the check still fails, see corrections.reason
SELECT exchange, symbol, stream, kpi, window_start, status, missing, max_relative_difference
FROM reconciliations
WHERE window_end > %(from_ts)s AND window_start < %(until_ts)s AND status <> 'equal'
