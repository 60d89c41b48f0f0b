-- Whose turn it is at what may happen once at a time while a vendor is asked. A lock of the session would leak through
-- PgBouncer in transaction mode, and one of the transaction would keep it open during a call.
CREATE TABLE market.lease (
    name text PRIMARY KEY,
    holder text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL CHECK (expires_at > taken_at)
);
COMMENT ON TABLE market.lease IS
    'What one process does at a time, across hosts; a row goes when its holder is done, or is taken over when it has expired.';
COMMENT ON COLUMN market.lease.name IS 'What is leased: trading_session while a source is asked for its open days; source: the load.';
COMMENT ON COLUMN market.lease.holder IS 'Who holds it, a random text for each time; source: the load.';
COMMENT ON COLUMN market.lease.taken_at IS 'Since when (timestamptz); source: the server''s clock.';
COMMENT ON COLUMN market.lease.expires_at IS 'From when on anybody may take it over (timestamptz); source: the server''s clock.';
GRANT SELECT, INSERT, UPDATE, DELETE ON market.lease TO market_loader;
GRANT SELECT ON market.lease TO market_reader;
