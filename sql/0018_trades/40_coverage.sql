-- Coverage of what was streamed: the codes that were watched on a session, each settled by the proof of its day.
ALTER TABLE market.dataset DROP CONSTRAINT dataset_cells_check;
ALTER TABLE market.dataset ADD CONSTRAINT dataset_cells_check
    CHECK (cells IN ('each_session', 'as_traded', 'whole_market', 'as_watched'));
COMMENT ON COLUMN market.dataset.cells IS 'What coverage expects on each session: of a listed issue each_session (one row) or as_traded (rows that a proof vouches for); of a watched issue as_watched (the same, by market.stream_watch); whole_market (the main rows of the market, by the function <dataset>_cells); null for nothing; source: the migrations.';
INSERT INTO market.dataset VALUES ('trade', 'as_watched');

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
        IF kept.cells = 'as_watched' THEN
            parts := parts || format($part$
        SELECT %1$L, s.session::date, w.stock_code::text, CASE WHEN p.state = 'empty' THEN 'known_empty'
            WHEN a.month IS NOT NULL THEN 'archived' WHEN p.state = 'whole' THEN 'loaded'
            WHEN p.state = 'doubted' THEN 'unproven' ELSE 'missing' END
        FROM market.final_session s
        JOIN (SELECT DISTINCT session, stock_code FROM market.stream_watch
            WHERE session BETWEEN coverage_cells.first AND coverage_cells.last) w ON w.session = s.session
        LEFT JOIN market.archive a ON a.dataset = %1$L AND a.dropped_at IS NOT NULL
            AND a.month = date_trunc('month', s.session::timestamp)::date
        LEFT JOIN market.proof p ON p.dataset = %1$L AND p.stock_code = w.stock_code AND p.session = s.session
        WHERE s.session BETWEEN coverage_cells.first AND coverage_cells.last$part$, kept.dataset);
            CONTINUE;
        END IF;
        IF kept.cells = 'each_session' THEN
            stored := format($stored$
        LEFT JOIN market.%I b ON b.stock_code = e.stock_code AND b.session = s.session
            AND b.session BETWEEN coverage_cells.first AND coverage_cells.last$stored$, kept.dataset);
            state := $state$CASE WHEN b.stock_code IS NOT NULL THEN CASE WHEN p.state = 'doubted' THEN 'unproven' ELSE 'loaded' END
            WHEN p.state = 'empty' THEN 'known_empty' WHEN p.state = 'hole' THEN 'unproven_empty' ELSE 'missing' END$state$;
        ELSE
            stored := format($stored$
        LEFT JOIN market.archive a ON a.dataset = %L AND a.dropped_at IS NOT NULL
            AND a.month = date_trunc('month', s.session::timestamp)::date$stored$, kept.dataset);
            state := $state$CASE WHEN p.state = 'empty' THEN 'known_empty' WHEN a.month IS NOT NULL THEN 'archived'
            WHEN p.state = 'whole' THEN 'loaded' WHEN p.state = 'doubted' THEN 'unproven'
            WHEN p.state = 'hole' THEN 'unproven_empty' ELSE 'missing' END$state$;
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
CALL market.keep_seals('trade');
DO $kind$
DECLARE
    present text;
BEGIN
    SELECT kind INTO STRICT present FROM market.warehouse_kind;
    CALL market.require_kind(present);
END
$kind$;
