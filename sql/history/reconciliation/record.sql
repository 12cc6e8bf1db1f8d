-- What an hour was found to be: it replaces what was found before.
INSERT INTO reconciliations (
    exchange, symbol, stream, kpi, window_start, window_end,
    compared, missing, max_relative_difference, tolerance
)
VALUES (
    %(exchange)s, %(symbol)s, %(stream)s, %(kpi)s, %(window_start)s, %(window_end)s,
    %(compared)s, %(missing)s, %(max_relative_difference)s, %(tolerance)s
)
ON CONFLICT (exchange, symbol, stream, kpi, window_start) DO UPDATE SET
    window_end = excluded.window_end,
    compared = excluded.compared,
    missing = excluded.missing,
    max_relative_difference = excluded.max_relative_difference,
    tolerance = excluded.tolerance,
    reconciled_at = now()
