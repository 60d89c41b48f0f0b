-- Coverage by proofs: what is stored without one is not whole, and what nobody can prove to be empty is not empty.
CREATE OR REPLACE VIEW market.expected_range AS
WITH listing AS MATERIALIZED (
    SELECT i.stock_code, i.delisted_on, coalesce(i.listed_from,
        (SELECT min(h.valid_from) FROM market.instrument_history h WHERE h.stock_code = i.stock_code)) AS listed_from
    FROM market.listing i
), begun AS (
    SELECT dataset, session, sum(count(*)) OVER (PARTITION BY dataset ORDER BY session) AS issues
    FROM market.coverage_start GROUP BY dataset, session
), kept AS MATERIALIZED (
    SELECT d.dataset, (
        SELECT b.session FROM begun b
        WHERE b.dataset = d.dataset AND 2 * b.issues >= (
            SELECT count(*) FROM listing l
            WHERE l.listed_from <= b.session AND (l.delisted_on IS NULL OR b.session < l.delisted_on))
        ORDER BY b.session LIMIT 1) AS market_from
    FROM market.dataset d WHERE d.cells IS NOT NULL
)
SELECT k.dataset, l.stock_code, greatest(l.listed_from, least(o.session, k.market_from))::date AS first, l.delisted_on
FROM kept k CROSS JOIN listing l
LEFT JOIN market.coverage_start o ON o.dataset = k.dataset AND o.stock_code = l.stock_code
WHERE coalesce(o.session, k.market_from) IS NOT NULL;
COMMENT ON COLUMN market.expected_range.dataset IS 'Table, text: one of market.dataset that has cells; source: this view.';

CREATE PROCEDURE market.keep_coverage()
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept record;
    stored text;
    state text;
    parts text[] := '{}';
BEGIN
    FOR kept IN SELECT dataset, cells FROM market.dataset WHERE cells IS NOT NULL ORDER BY cells, dataset LOOP
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
COMMENT ON PROCEDURE market.keep_coverage() IS 'Writes market.coverage_cells anew from market.dataset; a migration that adds a dataset with cells calls it.';
REVOKE ALL ON PROCEDURE market.keep_coverage() FROM PUBLIC;
CALL market.keep_coverage();

COMMENT ON COLUMN market.coverage_cell.state IS
    'loaded; known_empty (a proof says so); unproven (rows are stored, nothing proves that they are all); unproven_empty (asked for in vain on three days, proved by nothing); missing; source: this view.';
CREATE OR REPLACE VIEW market.coverage AS
SELECT dataset, session,
    count(*) AS expected,
    count(*) FILTER (WHERE state = 'loaded') AS loaded,
    count(*) FILTER (WHERE state = 'known_empty') AS known_empty,
    count(*) FILTER (WHERE state IN ('missing', 'unproven')) AS missing,
    count(*) FILTER (WHERE state = 'unproven') AS unproven,
    count(*) FILTER (WHERE state = 'unproven_empty') AS unproven_empty
FROM market.coverage_cell
GROUP BY dataset, session;
COMMENT ON COLUMN market.coverage.dataset IS 'Table, text: one of market.dataset that has cells; source: market.coverage_cell.';
COMMENT ON COLUMN market.coverage.loaded IS 'Cells that are there: rows that are one each session, or sessions that a proof vouches for; source: market.coverage_cell.';
COMMENT ON COLUMN market.coverage.known_empty IS 'Cells that truly hold nothing, as a proof says; source: market.proof.';
COMMENT ON COLUMN market.coverage.missing IS 'Cells still to be loaded, those included of which some rows are stored; source: market.coverage_cell.';
COMMENT ON COLUMN market.coverage.unproven IS 'Those of the missing of which rows are stored, without a proof that they are all; source: market.coverage_cell.';
COMMENT ON COLUMN market.coverage.unproven_empty IS 'Cells asked for in vain on three days, between bars that fit together; never counted as empty, and asked for again; source: market.coverage_cell.';
