-- The exchange's history may report other values of a stored candle. `candles` has the newest values.
-- A trigger keeps the replaced values, for every role that updates.
ALTER TABLE candles
    ADD COLUMN revision integer NOT NULL DEFAULT 0 CHECK (revision >= 0),
    ADD COLUMN source   text    NOT NULL DEFAULT 'stream' CHECK (source <> '');

COMMENT ON COLUMN candles.revision IS 'how often the values were replaced; see candle_revisions';
COMMENT ON COLUMN candles.source IS 'writer of these values: stream, backfill or audit';

CREATE TABLE candle_revisions (
    exchange     text             NOT NULL,
    symbol       text             NOT NULL,
    width_s      integer          NOT NULL,
    open_ts      timestamptz      NOT NULL,
    revision     integer          NOT NULL,
    open         double precision NOT NULL,
    high         double precision NOT NULL,
    low          double precision NOT NULL,
    close        double precision NOT NULL,
    volume       double precision NOT NULL,
    quote_volume double precision,
    trade_count  integer,
    source       text             NOT NULL,
    written_at   timestamptz      NOT NULL,
    replaced_at  timestamptz      NOT NULL,
    replaced_by  text             NOT NULL,

    PRIMARY KEY (exchange, symbol, width_s, open_ts, revision),
    FOREIGN KEY (exchange, symbol, width_s, open_ts) REFERENCES candles ON DELETE CASCADE
);

COMMENT ON TABLE candle_revisions IS 'replaced values of candles';
COMMENT ON COLUMN candle_revisions.revision IS 'number of these values, from 0';
COMMENT ON COLUMN candle_revisions.replaced_by IS 'source of the values that replaced these';

-- The writer may update candles because the trigger keeps every value. SECURITY DEFINER, because no
-- role may insert revisions.
CREATE FUNCTION keep_candle_revision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.candle_revisions VALUES (
        old.exchange, old.symbol, old.width_s, old.open_ts, old.revision,
        old.open, old.high, old.low, old.close, old.volume, old.quote_volume, old.trade_count,
        old.source, old.written_at, now(), new.source
    );
    new.revision := old.revision + 1;
    new.written_at := now();
    RETURN new;
END
$$;

REVOKE ALL ON FUNCTION keep_candle_revision() FROM PUBLIC;

CREATE TRIGGER candles_keep_revision BEFORE UPDATE ON candles
FOR EACH ROW EXECUTE FUNCTION keep_candle_revision();

GRANT UPDATE (open, high, low, close, volume, quote_volume, trade_count, source)
ON candles TO market_writer;
GRANT SELECT ON candle_revisions TO market_writer;

-- A view's * is expanded when the view is created: replace it to show the new columns.
CREATE OR REPLACE VIEW market_reader.candles AS SELECT * FROM public.candles;
CREATE VIEW market_reader.candle_revisions AS SELECT * FROM public.candle_revisions;
GRANT SELECT ON market_reader.candle_revisions TO market_reader;
