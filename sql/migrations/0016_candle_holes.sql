-- Minutes without a candle in the exchange's history, with the time they were first found. A row
-- stays if a candle arrives later; the view omits it.
CREATE TABLE candle_holes (
    exchange text        NOT NULL CHECK (exchange <> ''),
    symbol   text        NOT NULL CHECK (symbol <> ''),
    width_s  integer     NOT NULL CHECK (width_s > 0 AND width_s % 60 = 0),
    open_ts  timestamptz NOT NULL CHECK (isfinite(open_ts)),
    source   text        NOT NULL CHECK (source <> ''),
    seen_at  timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (exchange, symbol, width_s, open_ts),
    CONSTRAINT candle_holes_aligned CHECK (extract(epoch FROM open_ts) % nullif(width_s, 0) = 0)
);

GRANT SELECT, INSERT ON candle_holes TO market_writer;

-- Holes as ranges [from_ts, until_ts). Consecutive minutes have a constant distance to their row
-- number.
CREATE VIEW market_reader.candle_holes AS
WITH missing AS (
    SELECT exchange, symbol, width_s, open_ts, seen_at
    FROM public.candle_holes
    WHERE NOT EXISTS (
        SELECT FROM public.candles AS c
        WHERE
            (c.exchange, c.symbol, c.width_s, c.open_ts)
            = (candle_holes.exchange, candle_holes.symbol, candle_holes.width_s, candle_holes.open_ts)
    )
),

numbered AS (
    SELECT
        *,
        open_ts - make_interval(
            secs => width_s * row_number() OVER (
                PARTITION BY exchange, symbol, width_s ORDER BY open_ts
            )
        ) AS island
    FROM missing
)

SELECT
    exchange,
    symbol,
    width_s,
    min(open_ts) AS from_ts,
    max(open_ts) + make_interval(secs => width_s) AS until_ts,
    count(*) AS candles,
    max(seen_at) AS seen_at
FROM numbered
GROUP BY exchange, symbol, width_s, island;

GRANT SELECT ON market_reader.candle_holes TO market_reader;
