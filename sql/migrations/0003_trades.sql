-- Aggregate trades as the exchange reported them, with one partition for each UTC day.
-- The key must contain the partition's column. A trade's time never changes, so the key is as strict
-- as (exchange, symbol, trade_id). Time and id come first: inserts go to the right edge of the index
-- and compare no text.
CREATE TABLE trades (
    exchange text             NOT NULL CHECK (exchange <> ''),
    symbol   text             NOT NULL CHECK (symbol <> ''),
    trade_id bigint           NOT NULL CHECK (trade_id >= 0),
    first_id bigint           NOT NULL CHECK (first_id >= -1),
    last_id  bigint           NOT NULL,
    ts       timestamptz      NOT NULL,
    price    double precision NOT NULL CHECK (price > 0 AND price < 'Infinity'),
    amount   double precision NOT NULL CHECK (amount > 0 AND amount < 'Infinity'),
    side     text             NOT NULL CHECK (side IN ('buy', 'sell')),

    PRIMARY KEY (ts, trade_id, symbol, exchange),
    CONSTRAINT trades_ids_ascend CHECK (first_id <= last_id)
) PARTITION BY RANGE (ts);

COMMENT ON COLUMN trades.side IS 'side of the taker';
COMMENT ON COLUMN trades.first_id IS 'first raw trade of the aggregate; -1 if the exchange voided it';

-- Create the partition of a UTC day; return whether it was missing. SECURITY DEFINER, because the
-- writer may create nothing else. The search_path is pinned and the day is limited to a range that
-- holds every market. ATTACH, unlike CREATE ... PARTITION OF, does not block readers.
CREATE FUNCTION ensure_trade_partition(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    name text := 'trades_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF day IS NULL OR day < date '2009-01-01' OR day >= date '2100-01-01' THEN
        RAISE EXCEPTION 'expected a day from 2009 to 2099, found %', day
            USING ERRCODE = 'datetime_field_overflow';
    END IF;
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE public.trades IN SHARE UPDATE EXCLUSIVE MODE;  -- ATTACH takes this lock: one session at a time
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.trades INCLUDING ALL)', name);
    EXECUTE format(
        'ALTER TABLE public.trades ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        name, day::timestamptz, (day + 1)::timestamptz
    );
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION ensure_trade_partition(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_trade_partition(date) TO market_writer;
GRANT SELECT, INSERT ON trades TO market_writer;
