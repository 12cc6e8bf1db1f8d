-- Of the staged rows, those that are new or say otherwise; they are to be reconciled again.
INSERT INTO indicators AS i
    (exchange, symbol, width_s, open_ts, vwap, macd, macd_signal, macd_hist, candle_revision)
SELECT
    exchange, symbol, width_s, open_ts, vwap, macd, macd_signal, macd_hist, candle_revision
FROM staged_indicators
ON CONFLICT (exchange, symbol, width_s, open_ts) DO UPDATE SET
    vwap = excluded.vwap,
    macd = excluded.macd,
    macd_signal = excluded.macd_signal,
    macd_hist = excluded.macd_hist,
    candle_revision = excluded.candle_revision,
    computed_at = now(),
    reconciled_at = NULL
WHERE
    (i.vwap, i.macd, i.macd_signal, i.macd_hist, i.candle_revision)
    IS DISTINCT FROM
    (
        excluded.vwap, excluded.macd, excluded.macd_signal, excluded.macd_hist,
        excluded.candle_revision
    )
