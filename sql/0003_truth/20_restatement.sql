-- The past is kept: every changed or deleted bar leaves its old version, whoever changed it.
ALTER TABLE market.restatement ALTER COLUMN source DROP NOT NULL;
ALTER TABLE market.restatement ADD COLUMN operation text NOT NULL DEFAULT 'update'
    CONSTRAINT known_operation CHECK (operation IN ('update', 'delete'));
ALTER TABLE market.restatement ADD COLUMN changed_by text NOT NULL DEFAULT session_user;
CREATE INDEX restatement_time ON market.restatement (dataset, loaded_at);
COMMENT ON TABLE market.restatement IS 'What a bar said before it was changed or deleted; written by triggers.';
COMMENT ON COLUMN market.restatement.operation IS 'update or delete; source: the trigger.';
COMMENT ON COLUMN market.restatement.changed_by IS 'Database user that changed it, text; source: the server''s session_user.';
COMMENT ON COLUMN market.restatement.source IS 'Who changed it (market.source), null for a deletion; source: the new row.';
COMMENT ON COLUMN market.restatement.run_id IS 'ingest_run that changed it, null for none and for a deletion; source: the new row.';

CREATE OR REPLACE FUNCTION market.keep_restatement() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The arguments of the trigger are the key besides stock_code and session.
    EXECUTE format(
        'INSERT INTO market.restatement (dataset, stock_code, session, old_row, old_source, source, run_id)'
        ' SELECT %L, o.stock_code, o.session, to_jsonb(o), o.source, n.source, n.run_id'
        ' FROM old_rows o LEFT JOIN new_rows n USING (stock_code, session%s)',
        TG_TABLE_NAME, (SELECT string_agg(format(', %I', key), '') FROM unnest(TG_ARGV) AS key));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION market.keep_restatement() IS 'Keeps the old version of every changed bar.';

CREATE FUNCTION market.keep_deleted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO market.restatement (dataset, stock_code, session, old_row, old_source, operation)
    SELECT TG_TABLE_NAME, o.stock_code, o.session, to_jsonb(o), o.source, 'delete' FROM old_rows o;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION market.keep_deleted() IS 'Keeps the last version of every deleted bar.';

CREATE TRIGGER keep_restatement AFTER UPDATE ON market.minute_bar
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market.keep_restatement('at');
CREATE TRIGGER keep_deleted AFTER DELETE ON market.daily_bar
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION market.keep_deleted();
CREATE TRIGGER keep_deleted AFTER DELETE ON market.minute_bar
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION market.keep_deleted();

CREATE FUNCTION market.daily_bar_as_of(moment timestamptz) RETURNS SETOF market.daily_bar
    LANGUAGE sql STABLE AS $$
    SELECT b.* FROM market.daily_bar b
    WHERE b.loaded_at <= moment AND NOT EXISTS (
        SELECT FROM market.restatement r
        WHERE r.dataset = 'daily_bar' AND r.stock_code = b.stock_code AND r.session = b.session AND r.loaded_at > moment)
    UNION ALL
    SELECT (jsonb_populate_record(NULL::market.daily_bar, first.old_row)).*
    FROM (
        SELECT DISTINCT ON (r.stock_code, r.session) r.old_row
        FROM market.restatement r
        WHERE r.dataset = 'daily_bar' AND r.loaded_at > moment
        ORDER BY r.stock_code, r.session, r.loaded_at, r.restatement_id
    ) first
    WHERE (first.old_row ->> 'loaded_at')::timestamptz <= moment
$$;
COMMENT ON FUNCTION market.daily_bar_as_of(timestamptz) IS
    'The daily bars as this warehouse held them at a moment: without later ones, and with the versions that were changed or deleted since.';
