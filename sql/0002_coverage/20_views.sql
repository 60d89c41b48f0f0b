-- What must be there: final sessions x issues listed on them, from the session on that a dataset is kept for an issue.
DROP VIEW market.coverage;
DROP VIEW market.coverage_cell;

CREATE VIEW market.final_session AS
SELECT s.session, row_number() OVER (ORDER BY s.session) AS number
FROM market.calendar_session s
WHERE market.final_at(s.session) <= now()
    AND NOT EXISTS (SELECT FROM market.trading_session t WHERE t.day = s.session AND NOT t.is_open);
COMMENT ON VIEW market.final_session IS 'Sessions whose figures no longer change: by the calendar, without days that a source calls closed.';
COMMENT ON COLUMN market.final_session.session IS 'Trading day, date in Seoul; source: market.calendar_session.';
COMMENT ON COLUMN market.final_session.number IS 'Position among the sessions; neighbours differ by one; source: counted.';

CREATE VIEW market.expected_range AS
WITH listing AS MATERIALIZED (
    SELECT i.stock_code, i.delisted_on, coalesce(i.listed_on,
        (SELECT min(h.valid_from) FROM market.instrument_history h WHERE h.stock_code = i.stock_code)) AS listed_from
    FROM market.instrument i
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
    FROM (VALUES ('daily_bar'), ('minute_bar')) AS d (dataset)
)
SELECT k.dataset, l.stock_code, greatest(l.listed_from, least(o.session, k.market_from))::date AS first, l.delisted_on
FROM kept k CROSS JOIN listing l
LEFT JOIN market.coverage_start o ON o.dataset = k.dataset AND o.stock_code = l.stock_code
WHERE coalesce(o.session, k.market_from) IS NOT NULL;
COMMENT ON VIEW market.expected_range IS
    'From when on each dataset is expected of each issue: since its first session loaded, and of every listed issue since half of them had begun.';
COMMENT ON COLUMN market.expected_range.dataset IS 'Table, text: daily_bar or minute_bar; source: this view.';
COMMENT ON COLUMN market.expected_range.stock_code IS 'Short code (단축코드), text; source: market.instrument.';
COMMENT ON COLUMN market.expected_range.first IS 'First day expected, date in Seoul, included; source: market.coverage_start and the listing.';
COMMENT ON COLUMN market.expected_range.delisted_on IS 'First day no longer expected, date in Seoul, null while listed; source: market.instrument.';

CREATE FUNCTION market.coverage_cells(first date, last date)
    RETURNS TABLE (dataset text, session date, stock_code text, state text)
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT 'daily_bar', s.session::date, e.stock_code::text,
    CASE WHEN b.stock_code IS NOT NULL THEN 'loaded' WHEN n.stock_code IS NOT NULL THEN 'known_empty' ELSE 'missing' END
FROM market.final_session s
JOIN market.expected_range e ON e.dataset = 'daily_bar' AND e.first <= s.session
    AND (e.delisted_on IS NULL OR s.session < e.delisted_on)
LEFT JOIN market.daily_bar b ON b.stock_code = e.stock_code AND b.session = s.session
    AND b.session BETWEEN coverage_cells.first AND coverage_cells.last
LEFT JOIN market.no_data n ON n.dataset = 'daily_bar' AND n.stock_code = e.stock_code AND n.session = s.session
WHERE s.session BETWEEN coverage_cells.first AND coverage_cells.last
UNION ALL
SELECT 'minute_bar', s.session::date, e.stock_code::text,
    CASE WHEN d.stock_code IS NOT NULL THEN 'loaded' WHEN n.stock_code IS NOT NULL THEN 'known_empty' ELSE 'missing' END
FROM market.final_session s
JOIN market.expected_range e ON e.dataset = 'minute_bar' AND e.first <= s.session
    AND (e.delisted_on IS NULL OR s.session < e.delisted_on)
LEFT JOIN market.loaded_day d ON d.dataset = 'minute_bar' AND d.stock_code = e.stock_code AND d.session = s.session
LEFT JOIN market.no_data n ON n.dataset = 'minute_bar' AND n.stock_code = e.stock_code AND n.session = s.session
WHERE s.session BETWEEN coverage_cells.first AND coverage_cells.last
$$;
COMMENT ON FUNCTION market.coverage_cells(date, date) IS
    'market.coverage_cell for sessions first..last (both included); reads only the months between, which the view cannot.';

CREATE VIEW market.coverage_cell AS
SELECT dataset, session, stock_code, state FROM market.coverage_cells(DATE '1956-03-03', DATE '9999-12-31');
COMMENT ON VIEW market.coverage_cell IS
    'Every daily bar, and every session of minute bars, that must exist, and whether it does: final sessions x market.expected_range.';
COMMENT ON COLUMN market.coverage_cell.dataset IS 'Table the cell belongs to, text; source: this view.';
COMMENT ON COLUMN market.coverage_cell.session IS 'Trading day, date in Seoul; source: market.final_session.';
COMMENT ON COLUMN market.coverage_cell.stock_code IS 'Short code (단축코드), text; source: market.instrument.';
COMMENT ON COLUMN market.coverage_cell.state IS 'loaded, known_empty (see market.no_data) or missing; source: this view.';

CREATE VIEW market.coverage AS
SELECT dataset, session,
    count(*) AS expected,
    count(*) FILTER (WHERE state = 'loaded') AS loaded,
    count(*) FILTER (WHERE state = 'known_empty') AS known_empty,
    count(*) FILTER (WHERE state = 'missing') AS missing
FROM market.coverage_cell
GROUP BY dataset, session;
COMMENT ON VIEW market.coverage IS 'Cells that must exist against cells that do, for each dataset and final session.';
COMMENT ON COLUMN market.coverage.dataset IS 'Table, text: daily_bar or minute_bar; source: market.coverage_cell.';
COMMENT ON COLUMN market.coverage.session IS 'Trading day, date in Seoul; source: market.coverage_cell.';
COMMENT ON COLUMN market.coverage.expected IS 'Issues of which the session is expected, cells; source: market.expected_range.';
COMMENT ON COLUMN market.coverage.loaded IS 'Cells stored: bars, or sessions of minutes fetched whole; source: market.daily_bar, market.loaded_day.';
COMMENT ON COLUMN market.coverage.known_empty IS 'Cells that truly hold nothing; source: market.no_data.';
COMMENT ON COLUMN market.coverage.missing IS 'Cells still to be loaded: expected - loaded - known_empty; source: this view.';
