-- What the loader may do although it owns nothing: make partitions and settle the warehouse's kind.
CREATE FUNCTION market.ensure_partitions(table_name text, first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month date;
    partition text;
    made integer := 0;
BEGIN
    IF table_name NOT IN ('daily_bar', 'minute_bar', 'price_snapshot', 'order_book', 'trade') THEN
        RAISE EXCEPTION 'market.% is not partitioned', table_name USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF first IS NULL OR last IS NULL OR first > last OR first < DATE '1956-03-03' OR last > current_date + 400 THEN
        RAISE EXCEPTION 'no partitions of % for sessions from % to %', table_name, first, last
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Sessions lie between 1956-03-03 and 400 days from today.';
    END IF;
    FOR month IN SELECT generate_series(date_trunc('month', first::timestamp), date_trunc('month', last::timestamp), '1 month') LOOP
        partition := format('%s_%s', table_name, to_char(month, 'YYYY_MM'));
        CONTINUE WHEN to_regclass(format('market.%I', partition)) IS NOT NULL;
        -- The lock that ATTACH takes, taken early: callers make partitions one after the other.
        EXECUTE format('LOCK TABLE market.%I IN SHARE UPDATE EXCLUSIVE MODE', table_name);
        CONTINUE WHEN to_regclass(format('market.%I', partition)) IS NOT NULL;
        -- ATTACH, unlike CREATE ... PARTITION OF, lets other loads go on in the parent.
        EXECUTE format('CREATE TABLE market.%I (LIKE market.%I INCLUDING ALL)', partition, table_name);
        EXECUTE format('COMMENT ON TABLE market.%I IS %L', partition,
            format('Sessions of %s of market.%s.', to_char(month, 'YYYY-MM'), table_name));
        EXECUTE format('ALTER TABLE market.%I ATTACH PARTITION market.%I FOR VALUES FROM (%L) TO (%L)',
            table_name, partition, month, (month + interval '1 month')::date);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION market.ensure_partitions(text, date, date) IS
    'Makes the monthly partitions that sessions first..last (both included) need; returns how many were missing. Safe for many callers.';

CREATE FUNCTION market.holds_rows() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN EXISTS (SELECT FROM market.instrument) OR EXISTS (SELECT FROM market.trading_session)
        OR EXISTS (SELECT FROM market.daily_bar) OR EXISTS (SELECT FROM market.minute_bar)
        OR EXISTS (SELECT FROM market.price_snapshot) OR EXISTS (SELECT FROM market.order_book)
        OR EXISTS (SELECT FROM market.trade) OR EXISTS (SELECT FROM market.price_adjustment)
        OR EXISTS (SELECT FROM market.no_data);
COMMENT ON FUNCTION market.holds_rows() IS 'Whether any market data is stored.';

CREATE PROCEDURE market.require_kind(wanted text)
    LANGUAGE plpgsql AS $$
DECLARE
    data_table text;
    made_up text := CASE wanted WHEN 'real' THEN 'NOT market.is_made_up(source)' WHEN 'made-up' THEN 'market.is_made_up(source)' ELSE 'false' END;
BEGIN
    FOREACH data_table IN ARRAY ARRAY['instrument', 'trading_session', 'daily_bar', 'minute_bar', 'price_snapshot',
                                      'order_book', 'trade', 'price_adjustment', 'no_data'] LOOP
        EXECUTE format('ALTER TABLE market.%I DROP CONSTRAINT IF EXISTS real_or_made_up', data_table);
        EXECUTE format('ALTER TABLE market.%I ADD CONSTRAINT real_or_made_up CHECK (%s)', data_table, made_up);
    END LOOP;
END
$$;
COMMENT ON PROCEDURE market.require_kind(text) IS 'Puts the CHECK on every data table that keeps the other kind out, whoever inserts.';
CALL market.require_kind('empty');

CREATE FUNCTION market.admit_source(source market.source) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text := CASE WHEN market.is_made_up(source) THEN 'made-up' ELSE 'real' END;
    present text;
BEGIN
    SELECT kind INTO STRICT present FROM market.warehouse_kind;
    IF present = wanted THEN
        RETURN;
    END IF;
    -- This row before any table, always: callers at once wait for each other here and nowhere else.
    SELECT kind INTO STRICT present FROM market.warehouse_kind FOR UPDATE;
    IF present = wanted THEN
        RETURN;
    END IF;
    LOCK TABLE market.instrument, market.trading_session, market.daily_bar, market.minute_bar, market.price_snapshot,
        market.order_book, market.trade, market.price_adjustment, market.no_data IN ACCESS EXCLUSIVE MODE;
    IF market.holds_rows() THEN
        RAISE EXCEPTION 'this warehouse holds % rows and refuses rows from %', present, source
            USING ERRCODE = 'DP001', HINT = 'Load them into another database.';
    END IF;
    CALL market.require_kind(wanted);
    UPDATE market.warehouse_kind SET kind = wanted, decided_at = now();
END
$$;
COMMENT ON FUNCTION market.admit_source(market.source) IS
    'Opens an empty warehouse to rows of this source''s kind; raises SQLSTATE DP001 when rows of the other kind are stored.';
