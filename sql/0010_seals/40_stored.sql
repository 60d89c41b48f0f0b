-- What is stored is sealed as it stands: a seal says what was there when it was made, not that it was right.
CREATE FUNCTION market.seal_again(dataset text, first date, last date) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    sealed bigint;
BEGIN
    IF dataset NOT IN ('daily_bar', 'minute_bar', 'price_snapshot', 'order_book') THEN
        RAISE EXCEPTION 'market.% has no seals', dataset USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Nobody writes between the look at the rows and the seal; readers go on.
    EXECUTE format('LOCK TABLE market.%I IN SHARE ROW EXCLUSIVE MODE', dataset);
    DELETE FROM market.seal s WHERE s.dataset = seal_again.dataset AND s.session BETWEEN first AND last;
    EXECUTE format('INSERT INTO market.seal (dataset, session, rows, official, run_id, digest)'
        ' SELECT %L, d.* FROM market.%I(%L, %L) d ORDER BY d.session', dataset, dataset || '_digests', first, last);
    GET DIAGNOSTICS sealed = ROW_COUNT;
    RETURN sealed;
END
$$;
COMMENT ON FUNCTION market.seal_again(text, date, date) IS
    'Seals the sessions first..last (both included) of a dataset as they stand and returns how many hold rows; for the owner, after a change past the triggers that was meant.';

INSERT INTO market.migration_report (what, rows)
SELECT 'sessions of ' || dataset || ' sealed as they stand', market.seal_again(dataset, '1956-03-03', 'infinity')
FROM unnest(ARRAY['daily_bar', 'minute_bar', 'price_snapshot', 'order_book']) AS dataset;
