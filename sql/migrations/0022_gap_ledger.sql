-- Minutes that were not proved complete: when they were found, the cause, and the repair.
CREATE TABLE gap_ledger (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange        text        NOT NULL CHECK (exchange <> ''),
    symbol          text        NOT NULL CHECK (symbol <> ''),
    minute          timestamptz NOT NULL CHECK (extract(second FROM minute) = 0),
    cause           text        NOT NULL CHECK (
        cause IN ('our downtime', 'some missing', 'wrong values', 'quiet market', 'exchange outage')
    ),
    opened_at       timestamptz NOT NULL DEFAULT now(),
    repaired_at     timestamptz,
    closed_at       timestamptz,
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    tried_at        timestamptz,
    trades_added    integer     NOT NULL DEFAULT 0,
    trades_removed  integer     NOT NULL DEFAULT 0,
    seconds_written integer     NOT NULL DEFAULT 0,
    how             text,

    CONSTRAINT gap_ledger_closed_says_how CHECK (closed_at IS NULL OR how IS NOT NULL)
);

COMMENT ON COLUMN gap_ledger.how IS 'how the gap was closed, or the obstacle of the last attempt';
COMMENT ON COLUMN gap_ledger.seconds_written IS 'points of crypto_trades in InfluxDB that were written again';

-- One open gap for each minute: concurrent audits open the same row.
CREATE UNIQUE INDEX gap_ledger_open ON gap_ledger (exchange, symbol, minute) WHERE closed_at IS NULL;

GRANT
SELECT,
INSERT,
UPDATE (
    cause, repaired_at, closed_at, attempts, tried_at, trades_added, trades_removed,
    seconds_written, how
)
ON gap_ledger TO market_writer;

-- Trades that the audit removed, because they contradict the exchange's history, which proves the
-- minute.
CREATE TABLE trade_corrections (
    exchange   text             NOT NULL,
    symbol     text             NOT NULL,
    trade_id   bigint           NOT NULL,
    first_id   bigint           NOT NULL,
    last_id    bigint           NOT NULL,
    ts         timestamptz      NOT NULL,
    price      double precision NOT NULL,
    amount     double precision NOT NULL,
    side       text             NOT NULL,
    removed_at timestamptz      NOT NULL DEFAULT now()
);

COMMENT ON TABLE trade_corrections IS 'stored trades that a repair removed';

-- Remove one trade; return whether it was stored. The writer may not delete, but may call this
-- function, which keeps the trade. Hence SECURITY DEFINER and a pinned search_path.
CREATE FUNCTION remove_trade(market text, pair text, id bigint, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH removed AS (
        DELETE FROM public.trades AS t
        WHERE t.exchange = market AND t.symbol = pair AND t.trade_id = id AND t.ts = at
        RETURNING
            t.exchange, t.symbol, t.trade_id, t.first_id, t.last_id, t.ts, t.price, t.amount, t.side
    )
    INSERT INTO public.trade_corrections SELECT * FROM removed;
    RETURN found;
END
$$;

REVOKE ALL ON FUNCTION remove_trade(text, text, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_trade(text, text, bigint, timestamptz) TO market_writer;
GRANT SELECT ON trade_corrections TO market_writer;

CREATE VIEW market_reader.gap_ledger AS SELECT * FROM public.gap_ledger;
CREATE VIEW market_reader.trade_corrections AS SELECT * FROM public.trade_corrections;
GRANT SELECT ON market_reader.gap_ledger, market_reader.trade_corrections TO market_reader;
