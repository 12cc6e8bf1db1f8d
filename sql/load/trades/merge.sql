-- What is there already stays as it is.
INSERT INTO trades (
    exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side
)
SELECT
    exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side
FROM staged_trades
ON CONFLICT (ts, trade_id, symbol, exchange) DO NOTHING
