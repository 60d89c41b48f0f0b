-- The main indices while the market is open: what each was worth at a moment. A table of its own, so that no level of a
-- running session can ever be taken for the bar of a whole one.
CREATE TABLE market.index_snapshot (
    family text NOT NULL CHECK (family <> ''),
    name text NOT NULL CHECK (name <> ''),
    observed_at timestamptz NOT NULL,
    session market.session NOT NULL,
    level numeric(12, 2) NOT NULL CHECK (level > 0),
    change numeric(12, 2) NOT NULL,
    open numeric(12, 2),
    high numeric(12, 2),
    low numeric(12, 2),
    volume bigint NOT NULL CHECK (volume >= 0),
    trading_value bigint NOT NULL CHECK (trading_value >= 0),
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (family, name, observed_at, session),
    CONSTRAINT candle CHECK ((open IS NULL) = (high IS NULL) AND (open IS NULL) = (low IS NULL)
        AND (open IS NULL OR (0 < low AND low <= least(open, level) AND greatest(open, level) <= high)))
);
CREATE INDEX index_snapshot_session ON market.index_snapshot (session);
COMMENT ON TABLE market.index_snapshot IS 'A main index as it was seen at a moment of a session, in points; no bar and no proof of one.';
COMMENT ON COLUMN market.index_snapshot.family IS 'Whose index it is (계열구분): KOSPI or KOSDAQ, text; source: the code asked for.';
COMMENT ON COLUMN market.index_snapshot.name IS 'Korean name (지수명), unique within its family, text; source: the code asked for.';
COMMENT ON COLUMN market.index_snapshot.observed_at IS 'When the server answered (timestamptz); source: the Date header of the answer.';
COMMENT ON COLUMN market.index_snapshot.session IS 'Trading day that the level belongs to, date in Seoul; source: observed_at and the trading calendar.';
COMMENT ON COLUMN market.index_snapshot.level IS 'Level at that moment, points with two decimals; source: KIS bstp_nmix_prpr.';
COMMENT ON COLUMN market.index_snapshot.change IS 'Level minus the close before, points with sign; source: KIS bstp_nmix_prdy_vrss.';
COMMENT ON COLUMN market.index_snapshot.open IS 'First level of the session, points, null together with high and low before there is one; source: KIS bstp_nmix_oprc.';
COMMENT ON COLUMN market.index_snapshot.high IS 'Highest level so far, points; source: KIS bstp_nmix_hgpr.';
COMMENT ON COLUMN market.index_snapshot.low IS 'Lowest level so far, points; source: KIS bstp_nmix_lwpr.';
COMMENT ON COLUMN market.index_snapshot.volume IS 'Shares traded in its members so far, exact to a thousand shares; source: KIS acml_vol in thousands.';
COMMENT ON COLUMN market.index_snapshot.trading_value IS 'Value traded in its members so far, won, exact to a million won; source: KIS acml_tr_pbmn in millions.';
COMMENT ON COLUMN market.index_snapshot.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.index_snapshot.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.index_snapshot.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';
GRANT SELECT ON market.index_snapshot TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.index_snapshot TO market_loader;
INSERT INTO market.dataset VALUES ('index_snapshot', NULL);
DO $kind$
DECLARE
    present text;
BEGIN
    SELECT kind INTO STRICT present FROM market.warehouse_kind;
    CALL market.require_kind(present);
END
$kind$;
