-- A partition of a table whose session is the day of a moment (the constraint session_of_at) says so in a CHECK, which lets
-- the planner leave partitions out when a query names moments only. What is stored holds it already, by that constraint.
CREATE FUNCTION market.moments_of(of_table regclass, first date, after date) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    RETURN (SELECT format('%1$I >= %2$L::timestamptz AND %1$I < %3$L::timestamptz', a.attname,
            to_char(first, 'YYYY-MM-DD') || ' 00:00 Asia/Seoul', to_char(after, 'YYYY-MM-DD') || ' 00:00 Asia/Seoul')
        FROM pg_constraint o JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = ANY (o.conkey)
        WHERE o.conrelid = of_table AND o.conname = 'session_of_at' AND a.atttypid = 'timestamptz'::regtype);
COMMENT ON FUNCTION market.moments_of(regclass, date, date) IS 'The condition that the moment of a table lies on the days first (included) to after (excluded) in Seoul, as SQL; null for a table whose session is not the day of a moment.';
REVOKE ALL ON FUNCTION market.moments_of(regclass, date, date) FROM PUBLIC;

DO $moments$
DECLARE
    part record;
    found bigint := 0;
BEGIN
    FOR part IN
        SELECT o.conrelid AS of_table, c.oid::regclass AS partition, bounds[1]::date AS first, bounds[2]::date AS after
        FROM pg_constraint o JOIN pg_inherits i ON i.inhparent = o.conrelid JOIN pg_class c ON c.oid = i.inhrelid,
            regexp_match(pg_get_expr(c.relpartbound, c.oid), $$^FOR VALUES FROM \('([0-9-]{10})'\) TO \('([0-9-]{10})'\)$$) bounds
        WHERE o.connamespace = 'market'::regnamespace AND o.conname = 'session_of_at' AND o.coninhcount = 0 AND bounds IS NOT NULL
    LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT at_of_month CHECK (%s)', part.partition,
            market.moments_of(part.of_table, part.first, part.after));
        found := found + 1;
    END LOOP;
    INSERT INTO market.migration_report (what, rows) VALUES ('partitions that say which moments they hold', found);
END
$moments$;

CREATE OR REPLACE FUNCTION market.ensure_partitions(table_name text, first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month date;
    partition text;
    moments text;
    made integer := 0;
    today date := (market.now() AT TIME ZONE 'Asia/Seoul')::date;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class c JOIN market.dataset d ON d.dataset = c.relname
            WHERE d.dataset = table_name AND c.relnamespace = 'market'::regnamespace AND c.relkind = 'p') THEN
        RAISE EXCEPTION 'market.% is not partitioned', table_name USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF first IS NULL OR last IS NULL OR first > last OR first < DATE '1956-03-03' OR last > today + 400 THEN
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
        -- Beside the rows of the file, others of the same month could be told by nobody.
        IF market.is_archived(table_name, month) THEN
            RAISE EXCEPTION '% of % is archived and takes no rows', table_name, to_char(month, 'YYYY-MM')
                USING ERRCODE = 'DP003', HINT = 'market.archive says since when, and where its rows are.';
        END IF;
        -- ATTACH, unlike CREATE ... PARTITION OF, lets other loads go on in the parent.
        EXECUTE format('CREATE TABLE market.%I (LIKE market.%I INCLUDING ALL)', partition, table_name);
        moments := market.moments_of(format('market.%I', table_name)::regclass, month, (month + interval '1 month')::date);
        IF moments IS NOT NULL THEN
            EXECUTE format('ALTER TABLE market.%I ADD CONSTRAINT at_of_month CHECK (%s)', partition, moments);
        END IF;
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
    'Makes the monthly partitions that sessions first..last (both included) need; returns how many were missing. Safe for many callers. Raises SQLSTATE DP003 for a month that is archived.';

-- With hundreds of partitions even leaving them out takes the planner tens of milliseconds; where the sessions are told too, it
-- never looks at them. The function is unfolded into the query that calls it.
CREATE FUNCTION market.minutes(codes text[], since timestamptz, before timestamptz) RETURNS SETOF market.minute_bar
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT m.* FROM market.minute_bar m
    WHERE (codes IS NULL OR m.stock_code = ANY (codes)) AND m.at >= since AND m.at < before
        AND m.session >= (since AT TIME ZONE 'Asia/Seoul')::date AND m.session <= (before AT TIME ZONE 'Asia/Seoul')::date
$$;
COMMENT ON FUNCTION market.minutes(text[], timestamptz, timestamptz) IS
    'The stored minute bars of some codes, null for all, that begin from since (included) to before (excluded); plans as fast with decades of partitions as with one.';
REVOKE ALL ON FUNCTION market.minutes(text[], timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.minutes(text[], timestamptz, timestamptz) TO market_reader, market_loader;
