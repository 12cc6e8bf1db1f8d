INSERT INTO trades (exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side)
SELECT exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side
FROM staged_trades
ORDER BY ts, trade_id
ON CONFLICT (ts, trade_id, symbol, exchange) DO NOTHING
RETURNING date_trunc('minute', ts, 'UTC')
