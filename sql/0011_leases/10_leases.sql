-- Who is at work on what. A lock of a session or of a transaction would keep a connection busy while a vendor is asked,
-- and leaks where connections are pooled; a row with an expiry does neither, and ends by itself when its process does.
CREATE TABLE market.lease (
    name text PRIMARY KEY,
    process text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE market.lease IS 'Work that only one process may do at a time; a row ends with its process, or at its expiry.';
COMMENT ON COLUMN market.lease.name IS 'What is done, text; source: the load.';
COMMENT ON COLUMN market.lease.process IS 'Host, start of the machine, number and start of the process, text; source: the load.';
COMMENT ON COLUMN market.lease.expires_at IS 'When anybody may take it over (timestamptz); source: the server''s clock.';
GRANT SELECT ON market.lease TO market_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON market.lease TO market_loader;

ALTER TABLE market.ingest_run ADD COLUMN process text, ADD COLUMN lease_until timestamptz;
UPDATE market.ingest_run SET lease_until = started_at + interval '1 day' WHERE status = 'running';
ALTER TABLE market.ingest_run ADD CHECK (status <> 'running' OR lease_until IS NOT NULL);
CREATE INDEX ingest_run_running ON market.ingest_run (dataset) WHERE status = 'running';
COMMENT ON COLUMN market.ingest_run.process IS
    'Host, start of the machine, number and start of the process that loads, text, null before 0.2; source: the load.';
COMMENT ON COLUMN market.ingest_run.lease_until IS
    'Until when it counts as running without a further sign of life (timestamptz); source: the server''s clock.';
COMMENT ON COLUMN market.ingest_run.status IS
    'running, success or failed; the next load of the dataset, `up`, `run` or `coverage` fails one whose process is gone; source: the load.';
