-- The history is worked out by the load from then on; the trigger could only take newer knowledge in.
DROP TRIGGER keep_history ON market.instrument;
DROP FUNCTION market.keep_instrument_history();
COMMENT ON TABLE market.instrument_history IS 'What held for an issue from when to when; worked out by the load from market.instrument_report.';
COMMENT ON COLUMN market.instrument_history.valid_from IS 'First session known to read so, date in Seoul, included; source: market.instrument_list.';
COMMENT ON COLUMN market.instrument_history.valid_to IS 'First session known to read otherwise, date in Seoul, excluded, null while it holds; source: market.instrument_list.';
COMMENT ON COLUMN market.instrument_history.source IS 'Who told it first (market.source), of two the exchange; source: market.instrument_report.';
COMMENT ON TABLE market.instrument IS 'Every issue that was ever on a list: what the newest knowledge of its code says.';
COMMENT ON COLUMN market.instrument.as_of IS 'The newest session (date in Seoul) whose list has the issue; source: the load.';
COMMENT ON COLUMN market.instrument.listed_on IS 'First day listed on its board (상장일), date in Seoul, null when unknown; source: KRX base info, KIS master file.';
COMMENT ON COLUMN market.instrument.delisted_on IS 'First session known not to list it any more (not the last one on which it traded), date in Seoul, null while listed; source: complete lists loaded.';
ALTER TABLE market.instrument ADD COLUMN listed_from date;
COMMENT ON COLUMN market.instrument.listed_from IS 'First day of its unbroken listing, earlier than listed_on after a move to another board, date in Seoul, null when unknown; source: market.instrument_history.';

CREATE TABLE market.earlier_listing (
    stock_code market.stock_code NOT NULL,
    delisted_on market.session NOT NULL,
    listed_from date,
    isin text NOT NULL,
    last_seen market.session NOT NULL,
    CHECK (listed_from < delisted_on),
    PRIMARY KEY (stock_code, delisted_on)
);
COMMENT ON TABLE market.earlier_listing IS 'Stays on the list that ended before the newest one of the same code: other issues, or the same one before it left and came back.';
COMMENT ON COLUMN market.earlier_listing.stock_code IS 'Short code (단축코드), text; source: market.instrument_history.';
COMMENT ON COLUMN market.earlier_listing.delisted_on IS 'First session known not to list it, date in Seoul; source: market.instrument_history.';
COMMENT ON COLUMN market.earlier_listing.listed_from IS 'First day of the stay, date in Seoul, null when unknown; source: market.instrument_history.';
COMMENT ON COLUMN market.earlier_listing.isin IS 'ISO 6166 code (표준코드) at its end, text; source: market.instrument_history.';
COMMENT ON COLUMN market.earlier_listing.last_seen IS 'Newest session whose list has it, date in Seoul; source: market.instrument_report.';

CREATE VIEW market.listing AS
SELECT i.stock_code, i.isin, coalesce(i.listed_from, i.listed_on)::date AS listed_from, i.delisted_on, i.as_of::date AS last_seen
FROM market.instrument i
UNION ALL
SELECT e.stock_code, e.isin, e.listed_from, e.delisted_on::date, e.last_seen::date FROM market.earlier_listing e;
COMMENT ON VIEW market.listing IS 'Every stay on the list (상장부터 상장폐지까지); a code that was used again has several.';
COMMENT ON COLUMN market.listing.stock_code IS 'Short code (단축코드), text; source: market.instrument, market.earlier_listing.';
COMMENT ON COLUMN market.listing.isin IS 'ISO 6166 code (표준코드), text; source: market.instrument, market.earlier_listing.';
COMMENT ON COLUMN market.listing.listed_from IS 'First day of the stay, date in Seoul, included, null when unknown; source: market.instrument, market.earlier_listing.';
COMMENT ON COLUMN market.listing.delisted_on IS 'First session known not to list it, date in Seoul, null while listed; source: market.instrument, market.earlier_listing.';
COMMENT ON COLUMN market.listing.last_seen IS 'Newest session whose list has it, date in Seoul; source: market.instrument, market.earlier_listing.';

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
    FROM (VALUES ('daily_bar'), ('minute_bar')) AS d (dataset)
)
SELECT k.dataset, l.stock_code, greatest(l.listed_from, least(o.session, k.market_from))::date AS first, l.delisted_on
FROM kept k CROSS JOIN listing l
LEFT JOIN market.coverage_start o ON o.dataset = k.dataset AND o.stock_code = l.stock_code
WHERE coalesce(o.session, k.market_from) IS NOT NULL;
COMMENT ON COLUMN market.expected_range.stock_code IS 'Short code (단축코드), text; one row for each stay on the list; source: market.listing.';
COMMENT ON COLUMN market.expected_range.delisted_on IS 'First day no longer expected, date in Seoul, null while listed; source: market.listing.';

CREATE FUNCTION market.replace_instrument_history(codes text[], ranges jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed integer;
    added integer;
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::market.instrument_history, ranges)
    ), kept AS MATERIALIZED (
        SELECT h.stock_code, h.valid_from FROM market.instrument_history h
        JOIN wanted w ON w.stock_code = h.stock_code AND w.valid_from = h.valid_from
        WHERE (w.valid_to, w.isin, w.name, w.market, w.security_group, w.listed_on, w.listed_shares, w.face_value,
               w.halted, w.managed, w.liquidation, w.preferred)
            IS NOT DISTINCT FROM
              (h.valid_to, h.isin, h.name, h.market, h.security_group, h.listed_on, h.listed_shares, h.face_value,
               h.halted, h.managed, h.liquidation, h.preferred)
    )
    DELETE FROM market.instrument_history h
    WHERE h.stock_code = ANY (codes) AND (h.stock_code, h.valid_from) NOT IN (SELECT stock_code, valid_from FROM kept);
    GET DIAGNOSTICS removed = ROW_COUNT;
    INSERT INTO market.instrument_history
    SELECT w.* FROM jsonb_populate_recordset(NULL::market.instrument_history, ranges) w
    WHERE w.stock_code = ANY (codes) AND NOT EXISTS (
        SELECT FROM market.instrument_history h WHERE h.stock_code = w.stock_code AND h.valid_from = w.valid_from);
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN greatest(removed, added);
END
$$;
COMMENT ON FUNCTION market.replace_instrument_history(text[], jsonb) IS
    'Makes these the whole history of these codes; a range that stands there already stays with its run and time. Returns how many ranges changed.';
