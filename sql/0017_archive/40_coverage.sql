-- Coverage knows what was let go: never missing, so that nobody asks for it again.
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
COMMENT ON COLUMN market.coverage_cell.state IS
    'loaded; known_empty (a proof says so); archived (its month was let go: market.archive); unproven (rows are stored, nothing proves that they are all); unproven_empty (asked for in vain on three days, proved by nothing); missing; source: this view.';
CREATE OR REPLACE VIEW market.coverage AS
SELECT dataset, session,
    count(*) AS expected,
    count(*) FILTER (WHERE state = 'loaded') AS loaded,
    count(*) FILTER (WHERE state = 'known_empty') AS known_empty,
    count(*) FILTER (WHERE state IN ('missing', 'unproven')) AS missing,
    count(*) FILTER (WHERE state = 'unproven') AS unproven,
    count(*) FILTER (WHERE state = 'unproven_empty') AS unproven_empty,
    count(*) FILTER (WHERE state = 'archived') AS archived
FROM market.coverage_cell
GROUP BY dataset, session;
COMMENT ON COLUMN market.coverage.archived IS 'Cells whose month was let go; they are not asked for again, and what was lacking then stays lacking; source: market.archive.';
