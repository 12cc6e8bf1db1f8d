-- Views of analysts and Grafana: each table, the one-minute candles and the newest prices.
CREATE VIEW market_reader.crypto_prices AS SELECT * FROM public.crypto_prices;
CREATE VIEW market_reader.trades AS SELECT * FROM public.trades;
CREATE VIEW market_reader.candles AS SELECT * FROM public.candles;
CREATE VIEW market_reader.gaps AS SELECT * FROM public.gaps;
CREATE VIEW market_reader.kafka_offsets AS SELECT * FROM public.kafka_offsets;

CREATE VIEW market_reader.dead_letters AS
SELECT topic, partition, "offset", reason, value_bytes, seen_at FROM public.dead_letters;

CREATE VIEW market_reader.candles_1m AS
SELECT exchange, symbol, open_ts, open, high, low, close, volume, quote_volume, trade_count
FROM public.candles
WHERE width_s = 60;

-- Each market's newest snapshot. The recursion jumps from market to market through the unique index:
-- its cost depends on the number of markets, not of snapshots.
CREATE VIEW market_reader.latest_prices AS
WITH RECURSIVE markets AS (
    (SELECT exchange, symbol FROM public.crypto_prices ORDER BY exchange, symbol LIMIT 1)
    UNION ALL
    SELECT following.exchange, following.symbol
    FROM markets
    CROSS JOIN LATERAL (
        SELECT p.exchange, p.symbol
        FROM public.crypto_prices AS p
        WHERE (p.exchange, p.symbol) > (markets.exchange, markets.symbol)
        ORDER BY p.exchange, p.symbol
        LIMIT 1
    ) AS following
)
SELECT newest.*
FROM markets
CROSS JOIN LATERAL (
    SELECT p.*
    FROM public.crypto_prices AS p
    WHERE p.exchange = markets.exchange AND p.symbol = markets.symbol
    ORDER BY p."timestamp" DESC
    LIMIT 1
) AS newest;

GRANT SELECT ON ALL TABLES IN SCHEMA market_reader TO market_reader;
