-- severity: warn
-- meaning: InfluxDB's vwap and MACD of the closed minutes are those of pandas-ta, to 1e-9
-- do: recompute_indicators writes them again; if it stays, corrections says what was wrong and why
SELECT exchange, symbol, stream, kpi, window_start, status, missing, max_relative_difference
FROM reconciliations
WHERE window_end > %(from_ts)s AND window_start < %(until_ts)s AND status <> 'equal'
