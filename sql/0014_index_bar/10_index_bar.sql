-- Daily bars of indices. An index has no code: it is known by its family and its name, as the exchange writes them.
CREATE TABLE market.index_bar (
    family text NOT NULL CHECK (family <> ''),
    name text NOT NULL CHECK (name <> ''),
    session market.session NOT NULL,
    open numeric(12, 2),
    high numeric(12, 2),
    low numeric(12, 2),
    close numeric(12, 2) NOT NULL,
    change numeric(12, 2),
    volume bigint,
    trading_value bigint,
    market_cap bigint,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (family, name, session),
    CONSTRAINT candle CHECK (close > 0 AND (open IS NULL) = (high IS NULL) AND (open IS NULL) = (low IS NULL)
        AND (open IS NULL OR (0 < low AND low <= least(open, close) AND greatest(open, close) <= high))),
    CONSTRAINT amounts CHECK (volume >= 0 AND trading_value >= 0 AND market_cap >= 0)
);
CREATE INDEX index_bar_session ON market.index_bar (session);
COMMENT ON TABLE market.index_bar IS 'One session of one index, in points; kis is provisional, krx is official and the only one with sector indices.';
COMMENT ON COLUMN market.index_bar.family IS 'Whose index it is (계열구분): KRX, KOSPI or KOSDAQ, text; source: KRX IDX_CLSS, by the code asked for at KIS.';
COMMENT ON COLUMN market.index_bar.name IS 'Korean name (지수명), unique within its family, text; source: KRX IDX_NM, by the code asked for at KIS.';
COMMENT ON COLUMN market.index_bar.session IS 'Trading day, date in Seoul; source: KIS stck_bsop_date, KRX BAS_DD.';
COMMENT ON COLUMN market.index_bar.open IS 'First level, points with two decimals, null together with high and low for an index that is only computed at the close; source: KIS bstp_nmix_oprc, KRX OPNPRC_IDX.';
COMMENT ON COLUMN market.index_bar.high IS 'Highest level, points; source: KIS bstp_nmix_hgpr, KRX HGPRC_IDX.';
COMMENT ON COLUMN market.index_bar.low IS 'Lowest level, points; source: KIS bstp_nmix_lwpr, KRX LWPRC_IDX.';
COMMENT ON COLUMN market.index_bar.close IS 'Last level, points; source: KIS bstp_nmix_prpr, KRX CLSPRC_IDX.';
COMMENT ON COLUMN market.index_bar.change IS 'Close minus the close before, points with sign, null on the first day of an index; source: counted from two rows of KIS, KRX CMPPREVDD_IDX.';
COMMENT ON COLUMN market.index_bar.volume IS 'Shares traded in its members, from kis exact to a thousand shares, null where the exchange does not say; source: KIS acml_vol in thousands, KRX ACC_TRDVOL.';
COMMENT ON COLUMN market.index_bar.trading_value IS 'Value traded in its members, won, from kis exact to a million won, null where the exchange does not say; source: KIS acml_tr_pbmn in millions, KRX ACC_TRDVAL.';
COMMENT ON COLUMN market.index_bar.market_cap IS 'Market value of its members, won, null from kis; source: KRX MKTCAP.';
COMMENT ON COLUMN market.index_bar.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.index_bar.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.index_bar.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.main_index (
    family text NOT NULL,
    name text NOT NULL,
    since market.session NOT NULL,
    PRIMARY KEY (family, name)
);
COMMENT ON TABLE market.main_index IS 'The indices of which every session must have a bar; all others come as the exchange has them.';
COMMENT ON COLUMN market.main_index.family IS 'KOSPI or KOSDAQ, text; source: the migrations.';
COMMENT ON COLUMN market.main_index.name IS 'Korean name, text; source: the migrations.';
COMMENT ON COLUMN market.main_index.since IS 'First session of the index, date in Seoul; source: the exchange''s description of it.';
INSERT INTO market.main_index VALUES ('KOSPI', '코스피', '1980-01-04'), ('KOSDAQ', '코스닥', '1996-07-01'),
    ('KOSPI', '코스피 200', '1994-06-15'), ('KOSDAQ', '코스닥 150', '2015-07-13');
GRANT SELECT ON market.index_bar, market.main_index TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.index_bar TO market_loader;

-- What is changed or deleted is kept; such a row is of no instrument.
ALTER TABLE market.restatement ALTER COLUMN stock_code DROP NOT NULL;
COMMENT ON COLUMN market.restatement.stock_code IS 'Short code (단축코드), text, null for a row that is of no issue (an index: old_row names it); source: the changed row.';
CREATE FUNCTION market.keep_index_restatement() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO market.restatement (dataset, session, old_row, old_source, source, run_id)
    SELECT TG_TABLE_NAME, o.session, to_jsonb(o), o.source, n.source, n.run_id
    FROM old_rows o LEFT JOIN new_rows n USING (family, name, session);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION market.keep_index_restatement() IS 'Keeps the old version of every changed index bar.';
CREATE FUNCTION market.keep_deleted_index() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO market.restatement (dataset, session, old_row, old_source, operation)
    SELECT TG_TABLE_NAME, o.session, to_jsonb(o), o.source, 'delete' FROM old_rows o;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION market.keep_deleted_index() IS 'Keeps the last version of every deleted index bar.';
CREATE TRIGGER keep_restatement AFTER UPDATE ON market.index_bar
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market.keep_index_restatement();
CREATE TRIGGER keep_deleted AFTER DELETE ON market.index_bar
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION market.keep_deleted_index();
REVOKE ALL ON FUNCTION market.keep_index_restatement(), market.keep_deleted_index() FROM PUBLIC;
