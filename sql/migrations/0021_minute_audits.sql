-- From when on each market's trades should all be here: the minute of the first one ever stored.
-- Candles before it came from history, without trades: they are not audited.
CREATE TABLE trade_coverage (
    exchange text        NOT NULL CHECK (exchange <> ''),
    symbol   text        NOT NULL CHECK (symbol <> ''),
    since    timestamptz NOT NULL CHECK (extract(second FROM since) = 0),

    PRIMARY KEY (exchange, symbol)
);

-- Closed minutes, each proved from the stored trades against the exchange's candle. What is told is
-- the candle's, what is stored the trades'.
CREATE TABLE minute_audits (
    exchange            text        NOT NULL CHECK (exchange <> ''),
    symbol              text        NOT NULL CHECK (symbol <> ''),
    minute              timestamptz NOT NULL CHECK (extract(second FROM minute) = 0),
    status              text        NOT NULL
    CHECK (status IN ('complete', 'short', 'over', 'wrong', 'unverifiable')),
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
'short, over: fewer, more trades than told; wrong: as many, but other sums or prices';

CREATE INDEX minute_audits_by_age ON minute_audits (proved_at);
CREATE INDEX minute_audits_failing ON minute_audits (minute) WHERE status IN ('short', 'over', 'wrong');

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
