-- Which tables hold market data stands in one place; what had a list of them asks here.
CREATE TABLE market.dataset (
    dataset text PRIMARY KEY,
    cells text CHECK (cells IN ('each_session', 'as_traded'))
);
COMMENT ON TABLE market.dataset IS 'Every dataset that is kept, each in the table of its name; a migration adds its own.';
COMMENT ON COLUMN market.dataset.dataset IS 'Table, text; source: the migrations.';
COMMENT ON COLUMN market.dataset.cells IS 'What coverage expects of a listed issue on each session: each_session (one row), as_traded (rows that a proof vouches for), null for nothing; source: the migrations.';
INSERT INTO market.dataset VALUES ('daily_bar', 'each_session'), ('minute_bar', 'as_traded'), ('trading_session', NULL),
    ('instrument', NULL), ('price_snapshot', NULL), ('order_book', NULL);
GRANT SELECT ON market.dataset TO market_reader, market_loader;

CREATE OR REPLACE FUNCTION market.ensure_partitions(table_name text, first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month date;
    partition text;
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

CREATE FUNCTION market.data_tables() RETURNS SETOF text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT dataset FROM market.dataset UNION ALL VALUES ('price_adjustment'), ('proof') ORDER BY 1
$$;
COMMENT ON FUNCTION market.data_tables() IS 'The tables whose rows are real or made up: every dataset, and what is worked out from them.';

CREATE OR REPLACE FUNCTION market.holds_rows() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    data_table text;
    found boolean;
BEGIN
    FOR data_table IN SELECT market.data_tables() LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM market.%I)', data_table) INTO found;
        IF found THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

CREATE OR REPLACE PROCEDURE market.require_kind(wanted text)
    LANGUAGE plpgsql AS $$
DECLARE
    data_table text;
    made_up text := CASE wanted WHEN 'real' THEN 'NOT market.is_made_up(source)' WHEN 'made-up' THEN 'market.is_made_up(source)' ELSE 'false' END;
BEGIN
    FOR data_table IN SELECT market.data_tables() LOOP
        EXECUTE format('ALTER TABLE market.%I DROP CONSTRAINT IF EXISTS real_or_made_up', data_table);
        EXECUTE format('ALTER TABLE market.%I ADD CONSTRAINT real_or_made_up CHECK (%s)', data_table, made_up);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION market.admit_source(source market.source) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text := CASE WHEN market.is_made_up(source) THEN 'made-up' ELSE 'real' END;
    present text;
    data_table text;
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
    FOR data_table IN SELECT market.data_tables() LOOP
        EXECUTE format('LOCK TABLE market.%I IN ACCESS EXCLUSIVE MODE', data_table);
    END LOOP;
    IF market.holds_rows() THEN
        RAISE EXCEPTION 'this warehouse holds % rows and refuses rows from %', present, source
            USING ERRCODE = 'DP001', HINT = 'Load them into another database.';
    END IF;
    CALL market.require_kind(wanted);
    UPDATE market.warehouse_kind SET kind = wanted, decided_at = now();
END
$$;

CREATE OR REPLACE FUNCTION market.holds_session(session date) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    data_table text;
    found boolean;
BEGIN
    -- Quotes prove nothing: a server shows the last session's on a closed day too.
    FOR data_table IN SELECT dataset FROM market.dataset WHERE cells IS NOT NULL LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM market.%I t WHERE t.session = $1)', data_table) INTO found USING session;
        IF found THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- Nothing ever filled it.
DO $trade$
BEGIN
    IF EXISTS (SELECT FROM market.trade) THEN
        RAISE EXCEPTION 'market.trade holds rows, although this package never filled it: move them elsewhere, then migrate again';
    END IF;
END
$trade$;
DROP TABLE market.trade;
