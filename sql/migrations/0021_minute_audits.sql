-- The minute from which all trades of a market are expected: that of the first stored trade.
-- Candles before it came from history, without trades. They are not audited.
CREATE TABLE trade_coverage (
    exchange text        NOT NULL CHECK (exchange <> ''),
    symbol   text        NOT NULL CHECK (symbol <> ''),
    since    timestamptz NOT NULL CHECK (extract(second FROM since) = 0),

    PRIMARY KEY (exchange, symbol)
);

-- Closed minutes, each proved by comparing the stored trades with the exchange's candle. Columns
-- *_told are values of the candle, columns *_stored are computed from the trades.
CREATE TABLE minute_audits (
    exchange            text        NOT NULL CHECK (exchange <> ''),
    symbol              text        NOT NULL CHECK (symbol <> ''),
    minute              timestamptz NOT NULL CHECK (extract(second FROM minute) = 0),
    status              text        NOT NULL
    CHECK (status IN ('complete', 'missing_trades', 'extra_trades', 'mismatch', 'unverifiable')),
    trades_told         integer,
    trades_stored       numeric     NOT NULL,
    volume_told         double precision NOT NULL,
    volume_stored       double precision NOT NULL,
    quote_volume_told   double precision,
    quote_volume_stored double precision NOT NULL,
    proved_at           timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (exchange, symbol, minute)
);

COMMENT ON COLUMN minute_audits.trades_stored IS 'raw trades: the sum of last_id - first_id + 1';
COMMENT ON COLUMN minute_audits.status IS
'missing_trades, extra_trades: fewer or more trades than the candle has; mismatch: other sums or prices';

CREATE INDEX minute_audits_by_age ON minute_audits (proved_at);
CREATE INDEX minute_audits_failing ON minute_audits (minute) WHERE status IN ('missing_trades', 'extra_trades', 'mismatch');

GRANT SELECT, INSERT, UPDATE (since) ON trade_coverage TO market_writer;
GRANT
SELECT,
INSERT,
UPDATE (
    status, trades_told, trades_stored, volume_told, volume_stored, quote_volume_told,
    quote_volume_stored, proved_at
)
ON minute_audits TO market_writer;

CREATE VIEW market_reader.trade_coverage AS SELECT * FROM public.trade_coverage;
CREATE VIEW market_reader.minute_audits AS SELECT * FROM public.minute_audits;
GRANT SELECT ON market_reader.trade_coverage, market_reader.minute_audits TO market_reader;
