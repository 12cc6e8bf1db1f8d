COPY trades (
    exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side
) FROM STDIN (FORMAT BINARY)
