-- A market's trades are expected from the minute of the first one that was ever stored. The time
-- leads the trades' index, so the first of each market is sought market by market only once.
INSERT INTO trade_coverage (exchange, symbol, since)
SELECT market.exchange, market.symbol, date_trunc('minute', first.ts, 'UTC')
FROM (
    SELECT DISTINCT exchange, symbol FROM candles
    EXCEPT
    SELECT exchange, symbol FROM trade_coverage
) AS market
CROSS JOIN LATERAL (
    SELECT t.ts
    FROM trades AS t
    WHERE t.exchange = market.exchange AND t.symbol = market.symbol
    ORDER BY t.ts
    LIMIT 1
) AS first
ON CONFLICT (exchange, symbol) DO NOTHING
