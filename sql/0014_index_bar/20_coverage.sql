-- Coverage of a dataset that is of the whole market: its migration brings a function <dataset>_cells that says what each
-- session must have; coverage counts from the first session that is stored.
ALTER TABLE market.dataset DROP CONSTRAINT dataset_cells_check;
ALTER TABLE market.dataset ADD CONSTRAINT dataset_cells_check CHECK (cells IN ('each_session', 'as_traded', 'whole_market'));
COMMENT ON COLUMN market.dataset.cells IS 'What coverage expects on each session: of a listed issue each_session (one row) or as_traded (rows that a proof vouches for); whole_market (the main rows of the market, by the function <dataset>_cells); null for nothing; source: the migrations.';
INSERT INTO market.dataset VALUES ('index_bar', 'whole_market');

CREATE FUNCTION market.index_bar_cells(first date, last date)
    RETURNS TABLE (session date, label text, state text)
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT s.session::date, i.family || ' ' || i.name, CASE WHEN b.session IS NULL THEN 'missing' ELSE 'loaded' END
FROM market.final_session s
JOIN market.main_index i ON i.since <= s.session
LEFT JOIN market.index_bar b ON b.family = i.family AND b.name = i.name AND b.session = s.session
WHERE s.session BETWEEN index_bar_cells.first AND index_bar_cells.last
$$;
COMMENT ON FUNCTION market.index_bar_cells(date, date) IS
    'Which bars of the main indices the final sessions first..last (both included) must have, and whether they do.';
REVOKE ALL ON FUNCTION market.index_bar_cells(date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.index_bar_cells(date, date) TO market_reader, market_loader;

CREATE OR REPLACE PROCEDURE market.keep_coverage()
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept record;
    stored text;
    state text;
    parts text[] := '{}';
BEGIN
    FOR kept IN SELECT dataset, cells FROM market.dataset WHERE cells IS NOT NULL ORDER BY cells, dataset LOOP
        IF kept.cells = 'whole_market' THEN
            parts := parts || format($part$
        SELECT %1$L, c.session, c.label, c.state
        FROM market.%2$I(greatest(coverage_cells.first, (SELECT min(b.session)::date FROM market.%1$I b)),
            CASE WHEN EXISTS (SELECT FROM market.%1$I) THEN coverage_cells.last END) c$part$,
                kept.dataset, kept.dataset || '_cells');
            CONTINUE;
        END IF;
        stored := '';
        state := $state$CASE p.state WHEN 'whole' THEN 'loaded' WHEN 'empty' THEN 'known_empty' WHEN 'doubted' THEN 'unproven'
            WHEN 'hole' THEN 'unproven_empty' ELSE 'missing' END$state$;
        IF kept.cells = 'each_session' THEN
            stored := format($stored$
        LEFT JOIN market.%I b ON b.stock_code = e.stock_code AND b.session = s.session
            AND b.session BETWEEN coverage_cells.first AND coverage_cells.last$stored$, kept.dataset);
            state := $state$CASE WHEN b.stock_code IS NOT NULL THEN CASE WHEN p.state = 'doubted' THEN 'unproven' ELSE 'loaded' END
            WHEN p.state = 'empty' THEN 'known_empty' WHEN p.state = 'hole' THEN 'unproven_empty' ELSE 'missing' END$state$;
        END IF;
        parts := parts || format($part$
        SELECT %1$L, s.session::date, e.stock_code::text, %2$s
        FROM market.final_session s
        JOIN market.expected_range e ON e.dataset = %1$L AND e.first <= s.session
            AND (e.delisted_on IS NULL OR s.session < e.delisted_on)%3$s
        LEFT JOIN market.proof p ON p.dataset = %1$L AND p.stock_code = e.stock_code AND p.session = s.session
        WHERE s.session BETWEEN coverage_cells.first AND coverage_cells.last$part$, kept.dataset, state, stored);
    END LOOP;
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION market.coverage_cells(first date, last date)
            RETURNS TABLE (dataset text, session date, stock_code text, state text)
            LANGUAGE sql STABLE PARALLEL SAFE AS %L$function$, array_to_string(parts, E'\n        UNION ALL'));
END
$$;
CALL market.keep_coverage();
COMMENT ON COLUMN market.coverage_cell.stock_code IS 'Short code (단축코드), text; of a dataset of the whole market the label of the row, as KOSPI 코스피; source: market.listing, or the dataset''s function of cells.';
DO $kind$
DECLARE
    present text;
BEGIN
    SELECT kind INTO STRICT present FROM market.warehouse_kind;
    CALL market.require_kind(present);
END
$kind$;
