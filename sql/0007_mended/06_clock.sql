-- What compares with the present asks the market's clock.
-- As before, but 400 days are counted from the market's day, so that a fixed clock can load.
CREATE OR REPLACE FUNCTION market.ensure_partitions(table_name text, first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month date;
    partition text;
    made integer := 0;
    today date := (market.now() AT TIME ZONE 'Asia/Seoul')::date;
BEGIN
    IF table_name NOT IN ('daily_bar', 'minute_bar', 'price_snapshot', 'order_book', 'trade') THEN
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

-- On which day of the market's a window was begun: what is asked once a day goes by it, whatever clock is fixed.
ALTER TABLE market.ingest_run ADD COLUMN market_day date;
UPDATE market.ingest_run SET market_day = (started_at AT TIME ZONE 'Asia/Seoul')::date;
ALTER TABLE market.ingest_run ALTER COLUMN market_day SET NOT NULL,
    ALTER COLUMN market_day SET DEFAULT (market.now() AT TIME ZONE 'Asia/Seoul')::date;
COMMENT ON COLUMN market.ingest_run.market_day IS 'Day in Seoul on which it began, by the market''s clock; source: market.now().';
