-- The calendar alone says which days are sessions: with corrections to it, never by one source's word against it.
CREATE OR REPLACE VIEW market.final_session AS
SELECT s.session, row_number() OVER (ORDER BY s.session) AS number
FROM market.calendar_session s
WHERE market.final_at(s.session) <= market.now();
COMMENT ON VIEW market.final_session IS 'Sessions whose figures no longer change, by the calendar; a source that calls one closed raises an alert and hides nothing.';

COMMENT ON TABLE market.calendar_session IS 'Every session of the exchange by the trading calendar and its corrections; kept equal to it by migrations, plans, calendar checks and the command.';
COMMENT ON COLUMN market.calendar_session.session IS 'Trading day, date in Seoul; source: xkrx_sessions.json of the package, corrections applied.';

CREATE FUNCTION market.holds_session(session date) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Quotes prove nothing: a server shows the last session's on a closed day too.
    RETURN EXISTS (SELECT FROM market.daily_bar t WHERE t.session = holds_session.session)
        OR EXISTS (SELECT FROM market.minute_bar t WHERE t.session = holds_session.session)
        OR EXISTS (SELECT FROM market.trade t WHERE t.session = holds_session.session);
END
$$;
COMMENT ON FUNCTION market.holds_session(date) IS
    'Whether bars or trades of this day (date in Seoul) are stored: then the market traded, and the calendar never closes it.';
REVOKE ALL ON FUNCTION market.holds_session(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.holds_session(date) TO market_reader, market_loader;

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
