-- Who loaded what, what was refused, what is known to be empty, and what a row said before.
CREATE TABLE market.ingest_run (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset text NOT NULL,
    source market.source NOT NULL,
    dag_id text,
    task_id text,
    map_index integer,
    run_key text,
    first date,
    last date,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success', 'failed')),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    rows_expected bigint CHECK (rows_expected >= 0),
    rows_inserted bigint CHECK (rows_inserted >= 0),
    rows_updated bigint CHECK (rows_updated >= 0),
    rows_unchanged bigint CHECK (rows_unchanged >= 0),
    rows_outranked bigint CHECK (rows_outranked >= 0),
    requests bigint CHECK (requests >= 0),
    error text,
    CHECK (first <= last),
    CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX ingest_run_started_at ON market.ingest_run (started_at);
COMMENT ON TABLE market.ingest_run IS 'One row for each window that was loaded or tried.';
COMMENT ON COLUMN market.ingest_run.run_id IS 'Number of the run; source: identity.';
COMMENT ON COLUMN market.ingest_run.dataset IS 'Table it loads, text; source: the load.';
COMMENT ON COLUMN market.ingest_run.source IS 'Where its rows come from (market.source); source: the load.';
COMMENT ON COLUMN market.ingest_run.dag_id IS 'Airflow DAG, text, null outside Airflow; source: Airflow.';
COMMENT ON COLUMN market.ingest_run.task_id IS 'Airflow task, text, null outside Airflow; source: Airflow.';
COMMENT ON COLUMN market.ingest_run.map_index IS 'Airflow map index, -1 when not mapped, null outside Airflow; source: Airflow.';
COMMENT ON COLUMN market.ingest_run.run_key IS 'Airflow run_id or the caller''s own word for the run, text; source: the load.';
COMMENT ON COLUMN market.ingest_run.first IS 'First session asked for, date in Seoul, included; source: the load.';
COMMENT ON COLUMN market.ingest_run.last IS 'Last session asked for, date in Seoul, included; source: the load.';
COMMENT ON COLUMN market.ingest_run.status IS 'running, success or failed; running with no process behind it was killed; source: the load.';
COMMENT ON COLUMN market.ingest_run.started_at IS 'When it began (timestamptz); source: the server''s clock.';
COMMENT ON COLUMN market.ingest_run.finished_at IS 'When it ended (timestamptz), null while running; source: the server''s clock.';
COMMENT ON COLUMN market.ingest_run.rows_expected IS 'Rows that must exist, null when unknown; source: calendar and instruments.';
COMMENT ON COLUMN market.ingest_run.rows_inserted IS 'Rows that were new; source: the load.';
COMMENT ON COLUMN market.ingest_run.rows_updated IS 'Rows whose values or source changed; source: the load.';
COMMENT ON COLUMN market.ingest_run.rows_unchanged IS 'Rows that stood so already; source: the load.';
COMMENT ON COLUMN market.ingest_run.rows_outranked IS 'Rows left out because a higher source or newer state differs; source: the load.';
COMMENT ON COLUMN market.ingest_run.requests IS 'HTTP requests sent, null when not counted; source: the client.';
COMMENT ON COLUMN market.ingest_run.error IS 'Why it failed, or which codes failed while the others were loaded, text, null otherwise; source: the load.';

CREATE TABLE market.no_data (
    dataset text NOT NULL,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    reason text,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset, stock_code, session)
);
COMMENT ON TABLE market.no_data IS 'Cells that a source was asked for and truly has nothing for, so that they are not asked again.';
COMMENT ON COLUMN market.no_data.dataset IS 'Table that stays empty here, text; source: the load.';
COMMENT ON COLUMN market.no_data.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.no_data.session IS 'Trading day, date in Seoul; source: the request.';
COMMENT ON COLUMN market.no_data.reason IS 'What the source said, text; source: the answer.';
COMMENT ON COLUMN market.no_data.source IS 'Who was asked (market.source); source: the load.';
COMMENT ON COLUMN market.no_data.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.no_data.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.rejected_row (
    rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset text NOT NULL,
    stock_code text,
    session date,
    payload jsonb NOT NULL,
    reason text NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE market.rejected_row IS 'Quarantine: rows that a check refused, with what came and why.';
COMMENT ON COLUMN market.rejected_row.rejected_id IS 'Number of the row; source: identity.';
COMMENT ON COLUMN market.rejected_row.dataset IS 'Table it was meant for, text; source: the load.';
COMMENT ON COLUMN market.rejected_row.stock_code IS 'Code as it came, text, perhaps malformed, null when missing; source: the answer.';
COMMENT ON COLUMN market.rejected_row.session IS 'Trading day, date in Seoul, null when unknown; source: the answer.';
COMMENT ON COLUMN market.rejected_row.payload IS 'The row as it came, JSON; source: the answer.';
COMMENT ON COLUMN market.rejected_row.reason IS 'Which check refused it and why, text; source: the check.';
COMMENT ON COLUMN market.rejected_row.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.rejected_row.run_id IS 'ingest_run that refused it, null for none; source: the load.';
COMMENT ON COLUMN market.rejected_row.loaded_at IS 'When it was refused (timestamptz); source: the server''s clock.';

CREATE TABLE market.restatement (
    restatement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset text NOT NULL,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    old_row jsonb NOT NULL,
    old_source market.source NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX restatement_cell ON market.restatement (dataset, stock_code, session);
COMMENT ON TABLE market.restatement IS 'What a row said before it was changed; written by a trigger.';
COMMENT ON COLUMN market.restatement.restatement_id IS 'Number of the change, rising; source: identity.';
COMMENT ON COLUMN market.restatement.dataset IS 'Table that changed, text; source: the trigger.';
COMMENT ON COLUMN market.restatement.stock_code IS 'Short code (단축코드), text; source: the changed row.';
COMMENT ON COLUMN market.restatement.session IS 'Trading day, date in Seoul; source: the changed row.';
COMMENT ON COLUMN market.restatement.old_row IS 'The whole row as it was, units as in its table, JSON; source: the changed row.';
COMMENT ON COLUMN market.restatement.old_source IS 'Who had said so (market.source); source: the changed row.';
COMMENT ON COLUMN market.restatement.source IS 'Who changed it (market.source); source: the new row.';
COMMENT ON COLUMN market.restatement.run_id IS 'ingest_run that changed it, null for none; source: the new row.';
COMMENT ON COLUMN market.restatement.loaded_at IS 'When it was changed (timestamptz); source: the server''s clock.';

CREATE FUNCTION market.keep_restatement() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO market.restatement (dataset, stock_code, session, old_row, old_source, source, run_id)
    SELECT TG_TABLE_NAME, o.stock_code, o.session, to_jsonb(o), o.source, n.source, n.run_id
    FROM old_rows o JOIN new_rows n ON n.stock_code = o.stock_code AND n.session = o.session;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION market.keep_restatement() IS 'Keeps the old version of every changed bar.';
CREATE TRIGGER keep_restatement AFTER UPDATE ON market.daily_bar
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market.keep_restatement();
