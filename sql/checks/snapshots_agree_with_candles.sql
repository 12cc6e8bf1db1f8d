-- severity: warn
-- meaning: a snapshot's price is within its minute's candle, extended to the close before it
-- do: compare the exchange's ticker with its klines; proofs use trades and klines only
SELECT p.exchange, p.symbol, p."timestamp", p.close, c.low, c.high
FROM crypto_prices AS p
INNER JOIN candles AS c
    ON
        (c.exchange, c.symbol, c.width_s) = (p.exchange, p.symbol, 60)
        AND c.open_ts = date_trunc('minute', p."timestamp", 'UTC')
INNER JOIN candles AS b
    ON
        (b.exchange, b.symbol, b.width_s) = (p.exchange, p.symbol, 60)
        AND b.open_ts = c.open_ts - interval '1 minute'
WHERE
    p."timestamp" >= %(from_ts)s
    AND p."timestamp" < %(until_ts)s
    AND p.close NOT BETWEEN least(c.low, b.close) * (1 - 1e-9) AND greatest(c.high, b.close) * (1 + 1e-9)
