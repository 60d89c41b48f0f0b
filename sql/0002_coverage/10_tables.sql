-- Which cells (dataset x session x issue) must be there, and what is known about them.
CREATE TABLE market.calendar_session (
    session market.session PRIMARY KEY
);
COMMENT ON TABLE market.calendar_session IS 'Every session of the exchange that the package''s trading calendar has; kept equal to it by migrations and plans.';
COMMENT ON COLUMN market.calendar_session.session IS 'Trading day, date in Seoul; source: xkrx_sessions.json of the package.';

CREATE TABLE market.loaded_day (
    dataset text NOT NULL,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    rows integer NOT NULL CHECK (rows > 0),
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset, stock_code, session)
);
COMMENT ON TABLE market.loaded_day IS 'Cells of minute_bar whose whole final session was fetched; a load during the session leaves none.';
COMMENT ON COLUMN market.loaded_day.dataset IS 'Table whose rows were fetched, text; source: the load.';
COMMENT ON COLUMN market.loaded_day.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.loaded_day.session IS 'Trading day, date in Seoul; source: the request.';
COMMENT ON COLUMN market.loaded_day.rows IS 'Rows that came for the session, counted; source: the answer.';
COMMENT ON COLUMN market.loaded_day.source IS 'Where they came from (market.source); source: the load.';
COMMENT ON COLUMN market.loaded_day.run_id IS 'ingest_run that fetched them, null for none; source: the load.';
COMMENT ON COLUMN market.loaded_day.loaded_at IS 'When they were loaded (timestamptz); source: the server''s clock.';

CREATE TABLE market.coverage_start (
    dataset text NOT NULL,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    PRIMARY KEY (dataset, stock_code)
);
COMMENT ON TABLE market.coverage_start IS 'The first session that was ever loaded for an issue: what coverage counts from.';
COMMENT ON COLUMN market.coverage_start.dataset IS 'Table, text; source: the load.';
COMMENT ON COLUMN market.coverage_start.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.coverage_start.session IS 'First session loaded, date in Seoul; source: the load.';

INSERT INTO market.coverage_start SELECT 'daily_bar', stock_code, min(session) FROM market.daily_bar GROUP BY stock_code;

CREATE FUNCTION market.forget_loaded_day() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM market.loaded_day d
        WHERE d.dataset = 'minute_bar' AND d.stock_code = OLD.stock_code AND d.session = OLD.session;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION market.forget_loaded_day() IS 'A session that lost a minute is missing again.';
-- For each row, because only such a trigger also fires when rows are deleted from a partition by its own name.
CREATE TRIGGER forget_loaded_day AFTER DELETE ON market.minute_bar
    FOR EACH ROW EXECUTE FUNCTION market.forget_loaded_day();
