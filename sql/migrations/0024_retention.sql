-- Deletion by age. The writer may not delete, but may call these functions, which reject anything
-- younger than one day. Hence SECURITY DEFINER and a pinned search_path.

-- Drop the partitions of days before *before*; return how many. They are detached first, so that
-- readers of other days do not wait while files are deleted.
CREATE FUNCTION drop_trade_partitions(before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    name text;
    dropped integer := 0;
BEGIN
    IF before IS NULL OR before > current_date - 1 THEN
        RAISE EXCEPTION 'expected a day before yesterday, found %', before
            USING ERRCODE = 'datetime_field_overflow';
    END IF;
    FOR name IN
        SELECT c.relname
        FROM pg_inherits AS i
        INNER JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE
            i.inhparent = 'public.trades'::regclass
            AND c.relname ~ '^trades_[0-9]{8}$'
            AND to_date(substr(c.relname, 8), 'YYYYMMDD') < before
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE public.trades DETACH PARTITION public.%I', name);
        EXECUTE format('DROP TABLE public.%I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;

-- Delete at most *max_rows* rows of a table that are older than *before*; return how many.
CREATE FUNCTION delete_older(aged text, before timestamptz, max_rows integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    age text := CASE aged
        WHEN 'crypto_prices' THEN '"timestamp"'
        WHEN 'dead_letters' THEN 'seen_at'
        WHEN 'minute_audits' THEN 'minute'
        WHEN 'gap_ledger' THEN 'closed_at'
        WHEN 'quality_results' THEN 'until_ts'
        WHEN 'store_counts' THEN 'until_ts'
    END;
    deleted bigint;
BEGIN
    IF age IS NULL THEN
        RAISE EXCEPTION 'expected a table with retention, found %', aged USING ERRCODE = 'undefined_table';
    END IF;
    IF before IS NULL OR before > now() - interval '1 day' THEN
        RAISE EXCEPTION 'expected a time before yesterday, found %', before
            USING ERRCODE = 'datetime_field_overflow';
    END IF;
    EXECUTE format(
        'DELETE FROM public.%1$I WHERE ctid = ANY (ARRAY('
        'SELECT ctid FROM public.%1$I WHERE %2$s < $1 LIMIT $2))', aged, age
    ) USING before, max_rows;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

REVOKE ALL ON FUNCTION drop_trade_partitions(date) FROM PUBLIC;
REVOKE ALL ON FUNCTION delete_older(text, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_trade_partitions(date) TO market_writer;
GRANT EXECUTE ON FUNCTION delete_older(text, timestamptz, integer) TO market_writer;
