-- The stock master of KIS counts listed shares in thousands (상장주수(천)) and was read as if it counted them one by one.
-- What it told is multiplied, and what was worked out of that is mended too; each old version goes to
-- market.restatement. Numbers of the exchange stay as they are, and so do those of the sandbox, whose files held whole
-- shares. Run a second time, it finds nothing: rows written since the first time are right already.
-- What it works with are tables that are gone at its end: not every owner of a database may make temporary ones.
CREATE TABLE market.mending_shares AS
SELECT r.stock_code, r.first_told, r.listed_shares AS thousands
FROM market.instrument_report r
WHERE r.voice = 'broker' AND r.source IN ('kis', 'kis-virtual') AND r.listed_shares > 0
    AND r.loaded_at < coalesce(
        (SELECT min(s.loaded_at) FROM market.restatement s WHERE s.dataset = 'instrument_report'), 'infinity');
CREATE INDEX ON market.mending_shares (stock_code, thousands);
ANALYZE market.mending_shares;

-- Which number is right in place of a stored one; null for one that did not come out of a KIS master. Where the exchange
-- told a number that is the same in thousands, that one is exact.
CREATE FUNCTION market.mending_right_shares(code text, stored bigint, since date) RETURNS bigint
    LANGUAGE sql STABLE AS $$
SELECT coalesce((
    SELECT CASE WHEN abs(e.listed_shares - stored * 1000) < 1000 AND NOT EXISTS (
            SELECT FROM market.instrument_list l
            WHERE l.voice = 'exchange' AND l.complete AND l.session > e.last_told AND l.session <= since)
        THEN e.listed_shares END
    FROM market.instrument_report e
    WHERE e.voice = 'exchange' AND e.stock_code = code AND e.first_told <= since
    ORDER BY e.first_told DESC LIMIT 1), stored * 1000)
WHERE EXISTS (SELECT FROM market.mending_shares b WHERE b.stock_code = code AND b.thousands = stored)
    AND NOT EXISTS (SELECT FROM market.instrument_report e
        WHERE e.voice = 'exchange' AND e.stock_code = code AND e.listed_shares = stored)
$$;

CREATE TABLE market.mending_range AS
WITH mended AS (
    SELECT h.*, market.mending_right_shares(h.stock_code, h.listed_shares, h.valid_from) AS shares
    FROM market.instrument_history h
    WHERE h.stock_code IN (SELECT b.stock_code FROM market.mending_shares b)
), follows AS (
    -- Two ranges that differed in the unit alone are one.
    SELECT m.*, coalesce(lag(m.valid_to) OVER code = m.valid_from
        AND lag((m.isin, m.name, m.market, m.security_group, m.listed_on, coalesce(m.shares, m.listed_shares),
            m.face_value, m.halted, m.managed, m.liquidation, m.preferred)) OVER code
        IS NOT DISTINCT FROM (m.isin, m.name, m.market, m.security_group, m.listed_on,
            coalesce(m.shares, m.listed_shares), m.face_value, m.halted, m.managed, m.liquidation, m.preferred),
        false) AS same
    FROM mended m WINDOW code AS (PARTITION BY m.stock_code ORDER BY m.valid_from)
), islands AS (
    SELECT f.*, count(*) FILTER (WHERE NOT f.same) OVER (PARTITION BY f.stock_code ORDER BY f.valid_from) AS island
    FROM follows f
)
SELECT i.stock_code, i.valid_from, i.same, coalesce(i.shares, i.listed_shares) AS shares, i.valid_to AS ended,
    last_value(i.valid_to) OVER (PARTITION BY i.stock_code, i.island ORDER BY i.valid_from
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS valid_to
FROM islands i;

CREATE TABLE market.mending_issue AS
SELECT m.* FROM (
    SELECT i.stock_code, market.mending_right_shares(i.stock_code, i.listed_shares, coalesce(
        (SELECT max(h.valid_from) FROM market.instrument_history h WHERE h.stock_code = i.stock_code), i.as_of)) AS shares
    FROM market.instrument i
    WHERE i.stock_code IN (SELECT b.stock_code FROM market.mending_shares b)
) m WHERE m.shares IS NOT NULL;

-- The past is kept before it changes.
INSERT INTO market.restatement (dataset, stock_code, session, old_row, old_source, source, operation, loaded_at)
SELECT 'instrument_report', r.stock_code, r.first_told, to_jsonb(r), r.source, r.source, 'update', now()
FROM market.instrument_report r JOIN market.mending_shares b USING (stock_code, first_told) WHERE r.voice = 'broker';
INSERT INTO market.restatement (dataset, stock_code, session, old_row, old_source, source, operation, loaded_at)
SELECT 'instrument_history', h.stock_code, h.valid_from, to_jsonb(h), h.source,
    CASE WHEN m.same THEN NULL ELSE h.source END, CASE WHEN m.same THEN 'delete' ELSE 'update' END, now()
FROM market.instrument_history h JOIN market.mending_range m USING (stock_code, valid_from)
WHERE m.same OR m.shares IS DISTINCT FROM h.listed_shares OR m.valid_to IS DISTINCT FROM h.valid_to;
INSERT INTO market.restatement (dataset, stock_code, session, old_row, old_source, source, operation, loaded_at)
SELECT 'instrument', i.stock_code, i.as_of, to_jsonb(i), i.source, i.source, 'update', now()
FROM market.instrument i JOIN market.mending_issue m USING (stock_code);

UPDATE market.instrument_report r SET listed_shares = b.thousands * 1000, loaded_at = now()
FROM market.mending_shares b WHERE r.voice = 'broker' AND r.stock_code = b.stock_code AND r.first_told = b.first_told;
DELETE FROM market.instrument_history h USING market.mending_range m
WHERE m.same AND h.stock_code = m.stock_code AND h.valid_from = m.valid_from;
UPDATE market.instrument_history h SET listed_shares = m.shares, valid_to = m.valid_to
FROM market.mending_range m
WHERE NOT m.same AND h.stock_code = m.stock_code AND h.valid_from = m.valid_from
    AND (m.shares IS DISTINCT FROM h.listed_shares OR m.valid_to IS DISTINCT FROM h.valid_to);
UPDATE market.instrument i SET listed_shares = m.shares, loaded_at = now()
FROM market.mending_issue m WHERE i.stock_code = m.stock_code;
DROP FUNCTION market.mending_right_shares(text, bigint, date);
DROP TABLE market.mending_shares, market.mending_range, market.mending_issue;

COMMENT ON TABLE market.restatement IS 'What a bar said before it was changed or deleted, written by triggers; and what was told of an issue before a migration mended it.';
COMMENT ON COLUMN market.restatement.dataset IS 'Table that changed, text; source: the trigger, the migration.';
COMMENT ON COLUMN market.restatement.session IS 'Trading day, date in Seoul; first_told, valid_from or as_of of what was told of an issue; source: the changed row.';
COMMENT ON COLUMN market.instrument.listed_shares IS 'Shares listed (상장주수), whole thousands where only KIS told them, null when unknown; source: KIS master file (thousands, x 1,000), KRX base info.';
COMMENT ON COLUMN market.instrument_history.listed_shares IS 'Shares listed, whole thousands where only the brokers told them; source: market.instrument_report.';
COMMENT ON COLUMN market.instrument_report.listed_shares IS 'Shares listed, null when not told; the brokers tell whole thousands; source: the list.';

-- As before, but the brokers' whole thousands contradict no exact number.
CREATE OR REPLACE VIEW market.instrument_difference AS
SELECT e.stock_code, d.field, d.exchange, d.broker,
    greatest(e.first_told, b.first_told)::date AS first, least(e.last_told, b.last_told)::date AS last
FROM market.instrument_report e
JOIN market.instrument_report b ON b.voice = 'broker' AND b.stock_code = e.stock_code
    AND b.first_told <= e.last_told AND e.first_told <= b.last_told
CROSS JOIN LATERAL (VALUES
    ('isin', e.isin, b.isin), ('name', e.name, b.name), ('market', e.market, b.market),
    ('security_group', e.security_group, b.security_group), ('listed_on', e.listed_on::text, b.listed_on::text),
    ('listed_shares', e.listed_shares::text, CASE
        WHEN b.listed_shares % 1000 = 0 AND abs(e.listed_shares - b.listed_shares) < 1000 THEN e.listed_shares
        ELSE b.listed_shares END::text),
    ('face_value', trim_scale(e.face_value)::text, trim_scale(b.face_value)::text),
    ('preferred', e.preferred::text, b.preferred::text)) AS d (field, exchange, broker)
WHERE e.voice = 'exchange' AND d.exchange <> d.broker
UNION ALL
SELECT r.stock_code, 'listed', (r.voice = 'exchange')::text, (r.voice = 'broker')::text, l.session::date, l.session::date
FROM market.instrument_list l
JOIN market.instrument_list o ON o.session = l.session AND o.voice <> l.voice AND o.complete
JOIN market.instrument_report r ON r.voice = l.voice AND l.session BETWEEN r.first_told AND r.last_told
WHERE l.complete AND NOT EXISTS (
        SELECT FROM market.instrument_report x
        WHERE x.stock_code = r.stock_code AND x.voice = o.voice AND l.session BETWEEN x.first_told AND x.last_told)
    -- The exchange's base info never has funds; that it lacks what it never had is no difference.
    AND (o.voice = 'broker' OR EXISTS (
        SELECT FROM market.instrument_report y WHERE y.stock_code = r.stock_code AND y.voice = 'exchange'));
