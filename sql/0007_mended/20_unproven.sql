-- What the earlier rules took for settled is asked again, unless the stored rows themselves prove it.
--
-- An answer that was cut short under success was believed: daily bars that did not come were noted down as known to be
-- empty, half a day of minutes counted as a whole session, and the oldest minute of such a half took the day's running
-- total as its own trading value. Here such claims are taken back and listed:
--   * every no_data of daily bars: an issue on the list has a bar on each session;
--   * no_data of minutes, unless the stored daily bar has volume 0;
--   * loaded_day, unless the stored minutes join from the session's start (each value within volume x low to high) and
--     reach its close or add up to the day's volume;
--   * minutes whose value is outside volume x low to high: the value is of more minutes than one, so that they are
--     deleted (market.restatement keeps them), as a load would no longer store them.
-- What the synthetic market's own source (mock) said of minutes is kept: it makes them in process, without pages.
CREATE TABLE market.unproven (
    unproven_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claim text NOT NULL CHECK (claim IN ('no_data', 'loaded_day', 'trading_value')),
    dataset text NOT NULL,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    reason text NOT NULL,
    old_row jsonb NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX unproven_cell ON market.unproven (dataset, stock_code, session);
COMMENT ON TABLE market.unproven IS
    'What was stored as settled by earlier rules and is no longer believed; its cells are missing until they are loaded again.';
COMMENT ON COLUMN market.unproven.unproven_id IS 'Number of the claim; source: identity.';
COMMENT ON COLUMN market.unproven.claim IS
    'What was claimed: no_data (nothing exists), loaded_day (whole session of minutes), trading_value (of one minute); source: the migration.';
COMMENT ON COLUMN market.unproven.dataset IS 'Table that the claim is about, text: daily_bar or minute_bar; source: the old row.';
COMMENT ON COLUMN market.unproven.stock_code IS 'Short code (단축코드), text; source: the old row.';
COMMENT ON COLUMN market.unproven.session IS 'Trading day, date in Seoul; source: the old row.';
COMMENT ON COLUMN market.unproven.reason IS 'Why it is not believed, text; source: the migration.';
COMMENT ON COLUMN market.unproven.old_row IS 'The whole row as it was, units as in its table, JSON; source: the old row.';
COMMENT ON COLUMN market.unproven.noted_at IS 'When it was taken back (timestamptz); source: the server''s clock.';
GRANT SELECT ON market.unproven TO market_reader, market_loader;

-- One look at every stored minute; the work table is gone again at the end of this file.
CREATE UNLOGGED TABLE market.unproven_work AS
SELECT stock_code, session, sum(volume) AS volume, max(at) AS newest,
    count(*) FILTER (WHERE trading_value NOT BETWEEN volume * low AND volume * high) AS impossible
FROM market.minute_bar GROUP BY stock_code, session;

DO $unproven$
DECLARE
    first date;
    last date;
    day date;
    codes text[];
    moved bigint;
    deleted bigint := 0;
BEGIN
    SELECT min(session), max(session) INTO first, last FROM (
        SELECT session FROM market.loaded_day UNION ALL SELECT session FROM market.no_data WHERE dataset = 'minute_bar') cell;

    -- With the days as constants only the months of the claims are read.
    EXECUTE format($sql$
        WITH doubtful AS (
            SELECT l.dataset, l.stock_code, l.session, CASE
                WHEN w.impossible > 0 THEN 'the value of a minute is of more minutes than that one'
                WHEN b.volume < w.volume THEN 'the minutes hold more shares than the whole day'
                ELSE 'neither a minute of the close nor the day''s volume proves that nothing is missing' END AS reason
            FROM market.loaded_day l
            LEFT JOIN market.unproven_work w ON w.stock_code = l.stock_code AND w.session = l.session
            LEFT JOIN market.daily_bar b ON b.stock_code = l.stock_code AND b.session = l.session
                AND b.session BETWEEN %1$L AND %2$L
            WHERE l.dataset = 'minute_bar' AND (l.source <> 'mock' OR w.impossible > 0) AND NOT coalesce(
                w.impossible = 0 AND coalesce(b.volume >= w.volume, true) AND (coalesce(b.volume = w.volume, false)
                    -- The close is at 15:30, on the days of the university entrance examination an hour later.
                    OR w.newest >= (l.session + CASE WHEN l.session IN ('2024-11-14', '2025-11-13', '2026-11-19')
                        THEN TIME '16:30' ELSE TIME '15:30' END) AT TIME ZONE 'Asia/Seoul'), false)
        ), gone AS (
            DELETE FROM market.loaded_day l USING doubtful d
            WHERE l.dataset = d.dataset AND l.stock_code = d.stock_code AND l.session = d.session
            RETURNING l.*, d.reason
        )
        INSERT INTO market.unproven (claim, dataset, stock_code, session, reason, old_row)
        SELECT 'loaded_day', dataset, stock_code, session, reason, to_jsonb(gone) - 'reason' FROM gone
        ORDER BY stock_code, session
    $sql$, first, last);
    GET DIAGNOSTICS moved = ROW_COUNT;
    INSERT INTO market.migration_report (what, rows) VALUES ('sessions of minutes no longer taken for whole, now missing', moved);

    EXECUTE format($sql$
        WITH gone AS (
            DELETE FROM market.no_data n WHERE n.dataset = 'minute_bar' AND n.source <> 'mock' AND NOT EXISTS (
                SELECT FROM market.daily_bar b WHERE b.stock_code = n.stock_code AND b.session = n.session
                    AND b.volume = 0 AND b.session BETWEEN %1$L AND %2$L)
            RETURNING n.*
        )
        INSERT INTO market.unproven (claim, dataset, stock_code, session, reason, old_row)
        SELECT 'no_data', dataset, stock_code, session, 'no daily bar of volume 0 says that nothing was traded', to_jsonb(gone)
        FROM gone ORDER BY stock_code, session
    $sql$, first, last);
    GET DIAGNOSTICS moved = ROW_COUNT;
    INSERT INTO market.migration_report (what, rows) VALUES ('sessions of minutes no longer known to be empty, now missing', moved);

    WITH gone AS (DELETE FROM market.no_data n WHERE n.dataset = 'daily_bar' RETURNING n.*)
    INSERT INTO market.unproven (claim, dataset, stock_code, session, reason, old_row)
    SELECT 'no_data', dataset, stock_code, session, 'an issue on the list has a bar on each session', to_jsonb(gone)
    FROM gone ORDER BY stock_code, session;
    GET DIAGNOSTICS moved = ROW_COUNT;
    INSERT INTO market.migration_report (what, rows) VALUES ('daily bars no longer known to be empty, now missing', moved);

    -- A factor over sessions that are missing again is not known any more.
    UPDATE market.price_adjustment a SET kind = 'gap', factor = NULL
    WHERE a.kind = 'action' AND EXISTS (
        SELECT FROM market.unproven u
        WHERE u.claim = 'no_data' AND u.dataset = 'daily_bar' AND u.stock_code = a.stock_code AND u.session < a.session
            AND NOT EXISTS (SELECT FROM market.daily_bar b
                WHERE b.stock_code = a.stock_code AND b.session >= u.session AND b.session < a.session));
    GET DIAGNOSTICS moved = ROW_COUNT;
    INSERT INTO market.migration_report (what, rows) VALUES ('price adjustments unknown until their missing bars are loaded', moved);

    FOR day IN SELECT DISTINCT session FROM market.unproven_work WHERE impossible > 0 ORDER BY 1 LOOP
        SELECT array_agg(stock_code ORDER BY stock_code) INTO codes
        FROM market.unproven_work WHERE session = day AND impossible > 0;
        EXECUTE format($sql$
            WITH gone AS (
                DELETE FROM market.minute_bar m WHERE m.session = %1$L AND m.stock_code = ANY (%2$L)
                    AND m.trading_value NOT BETWEEN m.volume * m.low AND m.volume * m.high
                RETURNING m.*
            )
            INSERT INTO market.unproven (claim, dataset, stock_code, session, reason, old_row)
            SELECT 'trading_value', 'minute_bar', stock_code, session, 'the value is outside volume x low to high', to_jsonb(gone)
            FROM gone ORDER BY stock_code, at
        $sql$, day, codes);
        GET DIAGNOSTICS moved = ROW_COUNT;
        deleted := deleted + moved;
    END LOOP;
    INSERT INTO market.migration_report (what, rows) VALUES ('minutes with an impossible trading value, deleted and listed', deleted);
END
$unproven$;
DROP TABLE market.unproven_work;

COMMENT ON TABLE market.no_data IS 'Cells that truly hold nothing: sessions of minutes whose day has volume 0; a daily bar that did not come is missing.';
COMMENT ON COLUMN market.no_data.reason IS 'Why nothing exists, text; source: the load.';
COMMENT ON TABLE market.loaded_day IS 'Cells of minute_bar whose final session is proved whole: from its first minute on, without a hole, to its close.';
