-- Quarantine: one row for each refused row however often it comes, kept until a retry settles it.
ALTER TABLE market.rejected_row
    ADD COLUMN origin text NOT NULL DEFAULT 'record',
    ADD COLUMN times bigint NOT NULL DEFAULT 1 CHECK (times > 0),
    ADD COLUMN tried_at timestamptz,
    ADD COLUMN outcome text CHECK (outcome IN ('loaded', 'unchanged', 'outranked', 'superseded')),
    ADD COLUMN settled_at timestamptz,
    ADD CONSTRAINT settled CHECK ((outcome IS NULL) = (settled_at IS NULL));
COMMENT ON COLUMN market.rejected_row.origin IS 'What the payload is: record, or the vendor''s call whose row it is; source: the load.';
COMMENT ON COLUMN market.rejected_row.times IS 'How often the same row was refused; source: the load.';
COMMENT ON COLUMN market.rejected_row.tried_at IS 'When it was last tried again (timestamptz), null for never; source: the server''s clock.';
COMMENT ON COLUMN market.rejected_row.outcome IS
    'Null while refused; loaded, unchanged or outranked by a retry, or superseded by a newer load of its cell; source: the retry.';
COMMENT ON COLUMN market.rejected_row.settled_at IS 'When that was decided (timestamptz), null while refused; source: the server''s clock.';
COMMENT ON COLUMN market.rejected_row.loaded_at IS 'When it was last refused (timestamptz); source: the server''s clock.';
CREATE UNIQUE INDEX rejected_row_open ON market.rejected_row (dataset, source, origin, md5(payload::text),
    coalesce(stock_code, ''), coalesce(session, 'infinity')) WHERE settled_at IS NULL;

ALTER TABLE market.ingest_run
    ADD COLUMN rows_rejected bigint CHECK (rows_rejected >= 0),
    ADD COLUMN warnings jsonb,
    ADD COLUMN unknown_fields jsonb;
COMMENT ON COLUMN market.ingest_run.rows_rejected IS 'Rows that went to market.rejected_row, null when not counted; source: the checks.';
COMMENT ON COLUMN market.ingest_run.warnings IS 'Name of a check and how many loaded rows it warned about, JSON object, null when not counted; source: the checks.';
COMMENT ON COLUMN market.ingest_run.unknown_fields IS 'Undocumented fields of answers and how often they came, JSON object, null when not counted; source: the parsers.';
