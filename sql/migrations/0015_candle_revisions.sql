-- A stored candle may be told again otherwise, by the exchange's history. Then `candles` has the
-- newest values, and those they replaced are kept, whoever updates.
ALTER TABLE candles
    ADD COLUMN revision integer NOT NULL DEFAULT 0 CHECK (revision >= 0),
    ADD COLUMN source   text    NOT NULL DEFAULT 'stream' CHECK (source <> '');

COMMENT ON COLUMN candles.revision IS 'how often the values were replaced; see candle_revisions';
COMMENT ON COLUMN candles.source IS 'who wrote these values: stream, or what asked for history';

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

COMMENT ON TABLE candle_revisions IS 'values that candles had before';
COMMENT ON COLUMN candle_revisions.revision IS 'of these values: 0 are the first there were';
COMMENT ON COLUMN candle_revisions.replaced_by IS 'source of the values that came after';

-- The writer may update candles only because it cannot lose a value by it: hence a trigger, and
-- SECURITY DEFINER, since nobody inserts revisions otherwise.
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

-- A view's * is what the table had when the view was made: made again, it shows the new columns.
CREATE OR REPLACE VIEW market_reader.candles AS SELECT * FROM public.candles;
CREATE VIEW market_reader.candle_revisions AS SELECT * FROM public.candle_revisions;
GRANT SELECT ON market_reader.candle_revisions TO market_reader;
