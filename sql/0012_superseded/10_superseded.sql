-- Minutes of an earlier answer that a proof of the whole session does not hold are taken back, and stay findable.
--
-- Who took a row back is told by the transaction's own setting market.taken_back_by (source and run, a blank between);
-- any other deletion has none, as before.
CREATE OR REPLACE FUNCTION market.keep_deleted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken_back_by text[] := string_to_array(nullif(current_setting('market.taken_back_by', true), ''), ' ');
BEGIN
    INSERT INTO market.restatement (dataset, stock_code, session, old_row, old_source, source, run_id, operation)
    SELECT TG_TABLE_NAME, o.stock_code, o.session, to_jsonb(o), o.source, taken_back_by[1]::market.source,
        nullif(taken_back_by[2], '')::bigint, 'delete'
    FROM old_rows o;
    RETURN NULL;
END
$$;
COMMENT ON COLUMN market.restatement.source IS 'Who changed it or took it back (market.source), null for any other deletion; source: the new row, the load.';
COMMENT ON COLUMN market.restatement.run_id IS 'ingest_run that changed it or took it back, null for none and for any other deletion; source: the new row, the load.';

CREATE FUNCTION market.supersede_minutes(
    code text, of_session date, kept timestamptz[], by_source market.source, by_run bigint
) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken_back integer;
BEGIN
    IF cardinality(kept) = 0 AND NOT EXISTS (SELECT FROM market.daily_bar b
            WHERE b.stock_code = code AND b.session = of_session AND (b.volume = 0 OR b.open = 0)) THEN
        RAISE EXCEPTION 'no daily bar says that % had no minute on %', code, of_session
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('market.taken_back_by', concat_ws(' ', by_source, by_run), true);
    DELETE FROM market.minute_bar m
    WHERE m.stock_code = code AND m.session = of_session AND m.at <> ALL (kept)
        AND m.at >= of_session::timestamp AT TIME ZONE 'Asia/Seoul'
        AND m.at < (of_session + 1)::timestamp AT TIME ZONE 'Asia/Seoul'
        AND market.source_rank(m.source) <= market.source_rank(by_source);
    GET DIAGNOSTICS taken_back = ROW_COUNT;
    PERFORM set_config('market.taken_back_by', '', true);
    RETURN taken_back;
END
$$;
COMMENT ON FUNCTION market.supersede_minutes(text, date, timestamptz[], market.source, bigint) IS
    'Takes back the minutes of a session that a proof of the whole of it does not hold, unless their source ranks higher; market.restatement keeps them. Returns how many.';
REVOKE ALL ON FUNCTION market.supersede_minutes(text, date, timestamptz[], market.source, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.supersede_minutes(text, date, timestamptz[], market.source, bigint) TO market_loader;
