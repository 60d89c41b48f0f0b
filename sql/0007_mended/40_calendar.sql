-- The calendar alone says which days are sessions: with corrections to it, never by one source's word against it.
-- The clock is asked once a statement: as a subquery it is no part of the condition that is tried on each row.
CREATE OR REPLACE VIEW market.final_session AS
SELECT s.session, row_number() OVER (ORDER BY s.session) AS number
FROM market.calendar_session s
WHERE market.final_at(s.session) <= (SELECT market.now());
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
