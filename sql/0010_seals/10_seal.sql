-- What each session held when it was last written: so many rows, and one number that any change of any of them changes.
--
-- The digest of a session is the sum modulo 2^256 of SHA-256 over each of its rows, in a fixed binary form (version 1:
-- docs/explanation/seals.md). A sum needs no order and can be brought forward by the rows that came, changed or went, so
-- that the triggers below keep it in the transaction that writes them, whoever writes. What gets past them (a partition
-- dropped, a page that the disk forgot, half a restore) leaves a seal that does not fit: `data-pipeline verify` finds it.
CREATE TABLE market.seal (
    dataset text NOT NULL,
    session market.session NOT NULL,
    version smallint NOT NULL DEFAULT 1,
    stage text NOT NULL GENERATED ALWAYS AS (CASE WHEN official = rows THEN 'official' ELSE 'provisional' END) STORED,
    rows bigint NOT NULL,
    official bigint NOT NULL,
    digest numeric NOT NULL CHECK (digest >= 0 AND digest < 2::numeric ^ 256 AND digest = trunc(digest)),
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    run_id bigint,
    PRIMARY KEY (dataset, session)
) WITH (fillfactor = 50);  -- an update finds room on its page, so that the key's index stays as it is
COMMENT ON TABLE market.seal IS
    'What each session of a dataset held when it was last written; kept by triggers, compared with the rows by `data-pipeline verify`.';
COMMENT ON COLUMN market.seal.dataset IS 'Table that is sealed, text; source: the trigger.';
COMMENT ON COLUMN market.seal.session IS 'Trading day, date in Seoul; source: the rows.';
COMMENT ON COLUMN market.seal.version IS 'Which binary form of a row the digest is of; source: this schema.';
COMMENT ON COLUMN market.seal.stage IS 'official when the exchange''s own source told every row, provisional otherwise; source: rows and official.';
COMMENT ON COLUMN market.seal.rows IS 'Rows of the session, 0 after all were deleted; source: the trigger.';
COMMENT ON COLUMN market.seal.official IS 'Rows of them whose source is krx or krx-sandbox; source: the trigger.';
COMMENT ON COLUMN market.seal.digest IS
    'Sum of SHA-256 over each row, modulo 2^256, a whole number, 0 for no row; without source, run_id and loaded_at; source: the trigger.';
COMMENT ON COLUMN market.seal.sealed_at IS 'When it was last brought forward (timestamptz); source: the server''s clock.';
COMMENT ON COLUMN market.seal.run_id IS 'ingest_run that wrote last, null for none and for a deletion; source: the rows.';
