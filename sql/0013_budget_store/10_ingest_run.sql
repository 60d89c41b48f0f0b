-- Which budget a load was sent under: two stores in use for one key at a time are two budgets, and the server sees both.
ALTER TABLE market.ingest_run
    ADD COLUMN budget_keys text[],
    ADD COLUMN budget_store text,
    ADD COLUMN budget_host text;
COMMENT ON COLUMN market.ingest_run.budget_keys IS 'App keys it was sent with, each a hash (text), null for a source without; source: the load.';
COMMENT ON COLUMN market.ingest_run.budget_store IS 'Store of shared state that counted its calls, by the store''s own name (text), null for a source without; source: the load.';
COMMENT ON COLUMN market.ingest_run.budget_host IS 'Host it ran on (text), null for a source without a budget; source: the load.';
