-- What each voice told of each issue, and on which sessions it told: the history is worked out of these, so that lists
-- may be loaded in any order.
CREATE TABLE market.instrument_list (
    session market.session NOT NULL,
    voice text NOT NULL CHECK (voice IN ('exchange', 'broker')),
    complete boolean NOT NULL,
    issues integer NOT NULL CHECK (issues > 0),
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (session, voice)
);
COMMENT ON TABLE market.instrument_list IS 'Sessions of which a list of issues was loaded, by voice: the exchange (KRX base info) or the brokers (KIS stock master).';
COMMENT ON COLUMN market.instrument_list.session IS 'Trading day that the list describes, date in Seoul; source: the load.';
COMMENT ON COLUMN market.instrument_list.voice IS 'Who told: exchange or broker; source: the load''s source.';
COMMENT ON COLUMN market.instrument_list.complete IS 'Whether an issue that is not on it was not listed; source: the load.';
COMMENT ON COLUMN market.instrument_list.issues IS 'Issues on it, counted; source: the load.';
COMMENT ON COLUMN market.instrument_list.source IS 'Where it came from (market.source); source: the load.';
COMMENT ON COLUMN market.instrument_list.run_id IS 'ingest_run that loaded it first, null for none; source: the load.';
COMMENT ON COLUMN market.instrument_list.loaded_at IS 'When it was loaded first (timestamptz); source: the server''s clock.';

CREATE TABLE market.instrument_report (
    stock_code market.stock_code NOT NULL,
    voice text NOT NULL CHECK (voice IN ('exchange', 'broker')),
    first_told market.session NOT NULL,
    last_told market.session NOT NULL,
    isin text NOT NULL CHECK (isin ~ '^[A-Z]{2}[0-9A-Z]{9}[0-9]$'),
    name text NOT NULL CHECK (btrim(name) <> ''),
    market text NOT NULL CHECK (market IN ('KOSPI', 'KOSDAQ', 'KONEX')),
    security_group text NOT NULL,
    listed_on date,
    listed_shares bigint CHECK (listed_shares >= 0),
    face_value numeric CHECK (face_value >= 0 AND face_value < 'Infinity'),
    halted boolean,
    managed boolean,
    liquidation boolean,
    preferred boolean NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (stock_code, voice, first_told),
    CHECK (first_told <= last_told)
);
COMMENT ON TABLE market.instrument_report IS 'What each voice told of an issue, word for word: one row for every run of lists that say the same.';
COMMENT ON COLUMN market.instrument_report.stock_code IS 'Short code (단축코드), text; source: the list.';
COMMENT ON COLUMN market.instrument_report.voice IS 'Who told: exchange or broker; source: the load''s source.';
COMMENT ON COLUMN market.instrument_report.first_told IS 'Session of the first list that says so, date in Seoul, included; source: the list.';
COMMENT ON COLUMN market.instrument_report.last_told IS 'Session of the last list that says so, date in Seoul, included; source: the list.';
COMMENT ON COLUMN market.instrument_report.isin IS 'ISO 6166 code (표준코드), text; source: the list.';
COMMENT ON COLUMN market.instrument_report.name IS 'Abbreviated Korean name, text; source: the list.';
COMMENT ON COLUMN market.instrument_report.market IS 'Board: KOSPI, KOSDAQ or KONEX; source: the list.';
COMMENT ON COLUMN market.instrument_report.security_group IS 'Group code (증권그룹구분); source: the list.';
COMMENT ON COLUMN market.instrument_report.listed_on IS 'First day listed (상장일), date in Seoul, null when not told; source: the list.';
COMMENT ON COLUMN market.instrument_report.listed_shares IS 'Shares listed, null when not told; source: the list.';
COMMENT ON COLUMN market.instrument_report.face_value IS 'Par value, won or the issuer''s currency, null without par; source: the list.';
COMMENT ON COLUMN market.instrument_report.halted IS 'Whether trading was suspended, null when not told; source: the list.';
COMMENT ON COLUMN market.instrument_report.managed IS 'Whether it was an administrative issue, null when not told; source: the list.';
COMMENT ON COLUMN market.instrument_report.liquidation IS 'Whether it was in liquidation trading, null when not told; source: the list.';
COMMENT ON COLUMN market.instrument_report.preferred IS 'Whether it was a preferred share; source: the list.';
COMMENT ON COLUMN market.instrument_report.source IS 'Where the run came from (market.source); source: the load.';
COMMENT ON COLUMN market.instrument_report.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.instrument_report.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

-- What was known before: each range of the history is a run of its voice, each list that was loaded a list.
INSERT INTO market.instrument_list (session, voice, complete, issues, source, run_id, loaded_at)
SELECT DISTINCT ON (r.last, v.voice) r.last, v.voice, true, greatest(r.rows_inserted + r.rows_updated + r.rows_unchanged + r.rows_outranked, 1),
    r.source, r.run_id, r.finished_at
FROM market.ingest_run r CROSS JOIN LATERAL (SELECT CASE WHEN r.source LIKE 'krx%' THEN 'exchange' ELSE 'broker' END AS voice) v
WHERE r.dataset = 'instrument' AND r.status = 'success' AND r.last >= DATE '1956-03-03'
ORDER BY r.last, v.voice, r.run_id;
INSERT INTO market.instrument_report
SELECT h.stock_code, CASE WHEN h.source LIKE 'krx%' THEN 'exchange' ELSE 'broker' END, h.valid_from,
    greatest(h.valid_from, CASE WHEN h.valid_to IS NULL THEN i.as_of ELSE coalesce(
        (SELECT max(s.session) FROM market.calendar_session s WHERE s.session < h.valid_to), h.valid_from) END),
    h.isin, h.name, h.market, h.security_group, h.listed_on, h.listed_shares, h.face_value, h.halted, h.managed,
    h.liquidation, h.preferred, h.source, h.run_id, h.loaded_at
FROM market.instrument_history h JOIN market.instrument i ON i.stock_code = h.stock_code;
INSERT INTO market.instrument_list (session, voice, complete, issues, source)
SELECT told.session, told.voice, false, count(*), min(told.source::text)
FROM (SELECT first_told AS session, voice, source FROM market.instrument_report
      UNION ALL SELECT last_told, voice, source FROM market.instrument_report) told
GROUP BY told.session, told.voice
ON CONFLICT DO NOTHING;
INSERT INTO market.instrument_list (session, voice, complete, issues, source)
SELECT i.delisted_on, CASE WHEN i.source LIKE 'krx%' THEN 'exchange' ELSE 'broker' END, true, count(*), min(i.source::text)
FROM market.instrument i WHERE i.delisted_on IS NOT NULL GROUP BY 1, 2
ON CONFLICT DO NOTHING;
