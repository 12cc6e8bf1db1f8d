-- KPIs from the fold's state: session KPIs and MACD. The column vwap exists since 0002.
ALTER TABLE crypto_prices
    ADD COLUMN vwap_deviation_bps       double precision CHECK (abs(vwap_deviation_bps) < 'Infinity'),
    ADD COLUMN price_change_pct_session double precision CHECK (abs(price_change_pct_session) < 'Infinity'),
    ADD COLUMN session_high             double precision CHECK (session_high > 0 AND session_high < 'Infinity'),
    ADD COLUMN session_low              double precision CHECK (session_low > 0 AND session_low < 'Infinity'),
    ADD COLUMN macd                     double precision CHECK (abs(macd) < 'Infinity'),
    ADD COLUMN macd_signal              double precision CHECK (abs(macd_signal) < 'Infinity'),
    ADD COLUMN macd_hist                double precision CHECK (abs(macd_hist) < 'Infinity'),
    ADD COLUMN macd_ready               double precision CHECK (macd_ready IN (0, 1));

-- A view's * is expanded when the view is created: replace the views to show the new columns.
CREATE OR REPLACE VIEW market_reader.crypto_prices AS SELECT * FROM public.crypto_prices;

CREATE OR REPLACE VIEW market_reader.latest_prices AS
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
