-- Months that were let go. Their rows are gone from here, into a file or for good; their seals and proofs stay, so that
-- coverage does not ask for them again and the file can be proved. Dropping a partition fires no trigger, so nothing of it
-- goes into market.restatement.
CREATE TABLE market.archive (
    dataset text NOT NULL REFERENCES market.dataset,
    month date NOT NULL CHECK (month = date_trunc('month', month::timestamp)::date),
    rows bigint NOT NULL CHECK (rows >= 0),
    digest numeric NOT NULL CHECK (digest >= 0 AND digest < 2::numeric ^ 256),
    proved_in xid8 NOT NULL,
    proved_at timestamptz NOT NULL,
    file text CHECK (file <> ''),
    dropped_at timestamptz,
    dropped_by text,
    CHECK ((dropped_at IS NULL) = (dropped_by IS NULL)),
    CHECK (file IS NULL OR dropped_at IS NOT NULL),
    PRIMARY KEY (dataset, month)
);
COMMENT ON TABLE market.archive IS 'Months of a dataset that were proved to be dropped, and what became of them.';
COMMENT ON COLUMN market.archive.dataset IS 'Table whose partition it was, text; source: market.drop_month.';
COMMENT ON COLUMN market.archive.month IS 'First day of the month, date in Seoul; source: market.drop_month.';
COMMENT ON COLUMN market.archive.rows IS 'Rows that the month held; source: its rows, which were compared with market.seal.';
COMMENT ON COLUMN market.archive.digest IS 'Sum of the digests of its sessions (market.seal.digest), modulo 2^256; source: its rows, compared with market.seal.';
COMMENT ON COLUMN market.archive.proved_in IS 'Transaction that compared the rows with their seals; source: market.prove_month.';
COMMENT ON COLUMN market.archive.proved_at IS 'When it did (timestamptz); source: the server''s clock.';
COMMENT ON COLUMN market.archive.file IS 'Parquet file with the rows, its path within the archive folder, text, null when the rows are nowhere; source: market.drop_month.';
COMMENT ON COLUMN market.archive.dropped_at IS 'When the partition was dropped (timestamptz), null while it is here; source: the server''s clock.';
COMMENT ON COLUMN market.archive.dropped_by IS 'Database user that dropped it, text, null while it is here; source: the server''s session_user.';
GRANT SELECT ON market.archive TO market_reader, market_loader;

CREATE FUNCTION market.is_archived(of_dataset text, of_session date) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN EXISTS (SELECT FROM market.archive a WHERE a.dataset = of_dataset AND a.dropped_at IS NOT NULL
        AND a.month = date_trunc('month', of_session::timestamp)::date);
COMMENT ON FUNCTION market.is_archived(text, date) IS 'Whether the month of a session was let go, so that its rows are in a file or nowhere.';
REVOKE ALL ON FUNCTION market.is_archived(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.is_archived(text, date) TO market_reader, market_loader;
