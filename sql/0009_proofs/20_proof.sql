-- A cell (dataset x session x issue) is settled by a proof, and the proof is stored with the figures that were compared.
-- A row of daily_bar proves its own cell: an issue on the list has one on each session.
CREATE TABLE market.proof (
    dataset text NOT NULL REFERENCES market.dataset,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    state text NOT NULL CHECK (state IN ('whole', 'empty', 'doubted', 'asked', 'hole')),
    proof text NOT NULL,
    figures jsonb NOT NULL DEFAULT '{}',
    rows integer NOT NULL CHECK (rows >= 0),
    ask_again date,
    source market.source NOT NULL,
    run_id bigint,
    proved_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((rows > 0) = (state IN ('whole', 'doubted'))),
    CHECK ((ask_again IS NOT NULL) = (state = 'hole')),
    PRIMARY KEY (dataset, stock_code, session)
);
COMMENT ON TABLE market.proof IS 'What is known of a cell beside its rows: what proves that it is whole or truly empty, or why that is doubted.';
COMMENT ON COLUMN market.proof.dataset IS 'Table the cell belongs to, text; source: the load.';
COMMENT ON COLUMN market.proof.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.proof.session IS 'Trading day, date in Seoul; source: the request.';
COMMENT ON COLUMN market.proof.state IS 'whole; empty (proved); doubted (rows are stored, nothing proves that they are all); asked (in vain, so far); hole (asked in vain on three days, nothing contradicts it, nothing proves it); source: the load.';
COMMENT ON COLUMN market.proof.proof IS 'What proves it, or why it is doubted, a sentence; source: the load.';
COMMENT ON COLUMN market.proof.figures IS 'The figures that were compared, JSON, shares and won; days on which it was asked for in vain; source: the load.';
COMMENT ON COLUMN market.proof.rows IS 'Rows that came for the cell, counted; source: the answer.';
COMMENT ON COLUMN market.proof.ask_again IS 'Day in Seoul from which a hole is asked for again: after 1, 7, then every 30 days, null for other states; source: the load.';
COMMENT ON COLUMN market.proof.source IS 'Who was asked (market.source); source: the load.';
COMMENT ON COLUMN market.proof.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.proof.proved_at IS 'When the row was written (timestamptz); source: the server''s clock.';
CREATE INDEX proof_session ON market.proof (dataset, session) INCLUDE (state);

INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source, run_id, proved_at)
SELECT dataset, stock_code, session, 'whole', 'by version 0.2 before proofs were stored', rows, source, run_id, loaded_at
FROM market.loaded_day ORDER BY dataset, stock_code, session;
INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source, run_id, proved_at)
SELECT dataset, stock_code, session, 'empty', coalesce(reason, 'nothing was traded'), 0, source, run_id, loaded_at
FROM market.no_data ORDER BY dataset, stock_code, session
ON CONFLICT DO NOTHING;
DROP TABLE market.loaded_day, market.no_data;
DO $kind$
DECLARE
    present text;
BEGIN
    SELECT kind INTO STRICT present FROM market.warehouse_kind;
    CALL market.require_kind(present);
END
$kind$;

CREATE VIEW market.loaded_day AS
SELECT dataset, stock_code, session, rows, source, run_id, proved_at AS loaded_at FROM market.proof WHERE state = 'whole';
COMMENT ON VIEW market.loaded_day IS 'Cells that a proof vouches for as whole (market.proof); those of daily_bar are their rows.';
COMMENT ON COLUMN market.loaded_day.dataset IS 'Table whose rows were fetched, text; source: market.proof.';
COMMENT ON COLUMN market.loaded_day.stock_code IS 'Short code (단축코드), text; source: market.proof.';
COMMENT ON COLUMN market.loaded_day.session IS 'Trading day, date in Seoul; source: market.proof.';
COMMENT ON COLUMN market.loaded_day.rows IS 'Rows that came for the session, counted; source: market.proof.';
COMMENT ON COLUMN market.loaded_day.source IS 'Where they came from (market.source); source: market.proof.';
COMMENT ON COLUMN market.loaded_day.run_id IS 'ingest_run that fetched them, null for none; source: market.proof.';
COMMENT ON COLUMN market.loaded_day.loaded_at IS 'When it was proved (timestamptz); source: market.proof.';
CREATE VIEW market.no_data AS
SELECT dataset, stock_code, session, proof AS reason, source, run_id, proved_at AS loaded_at FROM market.proof WHERE state = 'empty';
COMMENT ON VIEW market.no_data IS 'Cells that truly hold nothing, as a proof says (market.proof); a daily bar that did not come is missing.';
COMMENT ON COLUMN market.no_data.dataset IS 'Table that stays empty here, text; source: market.proof.';
COMMENT ON COLUMN market.no_data.stock_code IS 'Short code (단축코드), text; source: market.proof.';
COMMENT ON COLUMN market.no_data.session IS 'Trading day, date in Seoul; source: market.proof.';
COMMENT ON COLUMN market.no_data.reason IS 'What proves it, a sentence; source: market.proof.';
COMMENT ON COLUMN market.no_data.source IS 'Who was asked (market.source); source: market.proof.';
COMMENT ON COLUMN market.no_data.run_id IS 'ingest_run that wrote the row, null for none; source: market.proof.';
COMMENT ON COLUMN market.no_data.loaded_at IS 'When it was proved (timestamptz); source: market.proof.';
GRANT SELECT ON market.proof, market.loaded_day, market.no_data TO market_reader, market_loader;
GRANT INSERT, UPDATE, DELETE ON market.proof TO market_loader;

CREATE OR REPLACE FUNCTION market.forget_loaded_day() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM market.proof p WHERE p.dataset = 'minute_bar' AND p.stock_code = OLD.stock_code
        AND p.session = OLD.session AND p.state IN ('whole', 'doubted');
    RETURN NULL;
END
$$;

-- Whatever a list says anew about an issue reopens its holes.
CREATE FUNCTION market.reopen_holes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM market.proof p WHERE p.state IN ('asked', 'hole')
        AND p.stock_code IN (SELECT stock_code FROM changed);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION market.reopen_holes() IS 'A changed history of an issue takes back what was asked for in vain.';
CREATE TRIGGER reopen_holes_inserted AFTER INSERT ON market.instrument_history
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION market.reopen_holes();
CREATE TRIGGER reopen_holes_updated AFTER UPDATE ON market.instrument_history
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION market.reopen_holes();
CREATE TRIGGER reopen_holes_deleted AFTER DELETE ON market.instrument_history
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION market.reopen_holes();
REVOKE ALL ON FUNCTION market.reopen_holes(), market.data_tables() FROM PUBLIC;

-- A hole is a run of sessions without a bar, each asked for in vain on three days, between two bars that fit together:
-- the base price of the one after is the close of the one before, so nothing that changed a price lies between them.
CREATE FUNCTION market.settle_holes(codes text[], first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := (market.now() AT TIME ZONE 'Asia/Seoul')::date;
    settled integer;
BEGIN
    WITH asked AS (
        SELECT p.dataset, p.stock_code, p.session FROM market.proof p
        WHERE p.dataset = 'daily_bar' AND p.state = 'asked' AND p.stock_code = ANY (codes)
            AND p.session BETWEEN first AND last AND jsonb_array_length(p.figures -> 'asked_on') >= 3
    ), fitting AS (
        SELECT a.stock_code, a.session, b.session AS before, b.close, n.session AS after
        FROM asked a
        CROSS JOIN LATERAL (SELECT session, close FROM market.daily_bar d
            WHERE d.stock_code = a.stock_code AND d.session < a.session ORDER BY d.session DESC LIMIT 1) b
        CROSS JOIN LATERAL (SELECT session, close - change AS base FROM market.daily_bar d
            WHERE d.stock_code = a.stock_code AND d.session > a.session ORDER BY d.session LIMIT 1) n
        WHERE n.base = b.close AND NOT EXISTS (
            SELECT FROM market.final_session s WHERE s.session > b.session AND s.session < n.session AND NOT EXISTS (
                SELECT FROM market.proof q WHERE q.dataset = 'daily_bar' AND q.stock_code = a.stock_code
                    AND q.session = s.session AND q.state IN ('asked', 'hole')
                    AND jsonb_array_length(q.figures -> 'asked_on') >= 3))
    )
    UPDATE market.proof p SET state = 'hole', ask_again = today + 1, proved_at = now(),
        proof = 'asked for in vain on three days, and the bars around it fit together',
        figures = p.figures || jsonb_build_object('before', f.before, 'close', f.close, 'after', f.after, 'base', f.close)
    FROM fitting f WHERE p.dataset = 'daily_bar' AND p.stock_code = f.stock_code AND p.session = f.session;
    GET DIAGNOSTICS settled = ROW_COUNT;
    RETURN settled;
END
$$;
COMMENT ON FUNCTION market.settle_holes(text[], date, date) IS
    'Takes cells of daily_bar that were asked for in vain on three days, between bars that fit together, for unproven-empty; returns how many.';
REVOKE ALL ON FUNCTION market.settle_holes(text[], date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.settle_holes(text[], date, date) TO market_loader;
