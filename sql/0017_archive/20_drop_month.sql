-- What lets a month go. It belongs to the owner and nobody else may call it, unless the owner says so:
--     GRANT EXECUTE ON FUNCTION market.prove_month(text, date), market.drop_month(text, date, text, bigint, numeric) TO ...
CREATE FUNCTION market.month_partition(dataset text, month date) RETURNS regclass
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    kept text;
    partition regclass;
BEGIN
    SELECT d.cells INTO kept FROM market.dataset d WHERE d.dataset = month_partition.dataset;
    IF NOT FOUND OR to_regprocedure(format('market.%I(date, date)', dataset || '_digests')) IS NULL THEN
        RAISE EXCEPTION 'market.% is no dataset with seals', dataset USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF kept IN ('each_session', 'whole_market') THEN
        RAISE EXCEPTION 'months of % are not let go: each row is the only proof of its own cell', dataset
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF month IS NULL OR month <> date_trunc('month', month::timestamp)::date THEN
        RAISE EXCEPTION 'name a month by its first day, not %', month USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF month + interval '1 month' > (market.now() AT TIME ZONE 'Asia/Seoul')::date THEN
        RAISE EXCEPTION 'the month % of % is not over', to_char(month, 'YYYY-MM'), dataset
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT c.oid INTO partition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = format('market.%I', dataset)::regclass
        AND pg_get_expr(c.relpartbound, c.oid) = format('FOR VALUES FROM (%L) TO (%L)', month, (month + interval '1 month')::date);
    RETURN partition;
END
$$;
COMMENT ON FUNCTION market.month_partition(text, date) IS
    'The partition of a month that is over, of a dataset whose months may be let go; null when there is none.';

CREATE FUNCTION market.prove_month(dataset text, month date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' SET jit = off AS $$
DECLARE
    partition regclass := market.month_partition(dataset, month);
    last date := (month + interval '1 month')::date - 1;
    differing text;
    held bigint;
    added_up numeric;
BEGIN
    IF partition IS NULL THEN
        RAISE EXCEPTION '% has no partition of %', dataset, to_char(month, 'YYYY-MM') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Whoever loads this month waits, whoever reads goes on; and it holds until the transaction's end, so that what is
    -- proved here still holds for market.drop_month in the same one.
    EXECUTE format('LOCK TABLE %s IN SHARE MODE', partition);
    EXECUTE format($sql$
        SELECT string_agg(format('%%s (%%s rows sealed, %%s stored)', day, coalesce(sealed::text, 'no'), stored), ', ' ORDER BY day)
                FILTER (WHERE differs),
            coalesce(sum(stored), 0), mod(coalesce(sum(digest), 0), 2::numeric ^ 256)
        FROM (
            SELECT coalesce(s.session::date, d.session) AS day, s.rows AS sealed, coalesce(d.rows, 0) AS stored, d.digest,
                s.session IS NULL OR s.version <> 1 OR s.rows <> coalesce(d.rows, 0)
                    OR s.digest <> coalesce(d.digest, 0) OR s.official <> coalesce(d.official, 0) AS differs
            FROM (SELECT * FROM market.seal WHERE dataset = %1$L AND session BETWEEN %3$L AND %4$L) s
            FULL JOIN market.%2$I(%3$L, %4$L) d ON d.session = s.session
        ) of_month
    $sql$, dataset, dataset || '_digests', month, last) INTO differing, held, added_up;
    IF differing IS NOT NULL THEN
        RAISE EXCEPTION '% of % is not as it was sealed: %', dataset, to_char(month, 'YYYY-MM'), left(differing, 500)
            USING ERRCODE = 'DP002', HINT = '`data-pipeline verify` says what differs.';
    END IF;
    INSERT INTO market.archive AS a (dataset, month, rows, digest, proved_in, proved_at)
    VALUES (prove_month.dataset, prove_month.month, held, added_up, pg_current_xact_id(), now())
    ON CONFLICT ON CONSTRAINT archive_pkey DO UPDATE SET rows = excluded.rows, digest = excluded.digest,
        proved_in = excluded.proved_in, proved_at = excluded.proved_at, file = NULL, dropped_at = NULL, dropped_by = NULL;
    RETURN held;
END
$$;
COMMENT ON FUNCTION market.prove_month(text, date) IS
    'Compares the rows of a month that is over with their seals, raises SQLSTATE DP002 when they differ, and returns how many there are. Loads of the month wait until the transaction''s end, readers do not.';

CREATE FUNCTION market.drop_month(
    dataset text, month date, to_file text DEFAULT NULL, file_rows bigint DEFAULT NULL, file_digest numeric DEFAULT NULL
) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    partition regclass := market.month_partition(dataset, month);
    proved market.archive;
    sealed_rows bigint;
    sealed_digest numeric;
BEGIN
    SELECT * INTO proved FROM market.archive a WHERE a.dataset = drop_month.dataset AND a.month = drop_month.month;
    IF partition IS NULL AND proved.dropped_at IS NOT NULL THEN
        RETURN 0;  -- it was done before
    END IF;
    IF proved.proved_in IS DISTINCT FROM pg_current_xact_id() OR proved.proved_at <> now() THEN
        PERFORM market.prove_month(dataset, month);
        SELECT * INTO STRICT proved FROM market.archive a WHERE a.dataset = drop_month.dataset AND a.month = drop_month.month;
    END IF;
    SELECT coalesce(sum(s.rows), 0), mod(coalesce(sum(s.digest), 0), 2::numeric ^ 256) INTO sealed_rows, sealed_digest
    FROM market.seal s WHERE s.dataset = drop_month.dataset
        AND s.session BETWEEN drop_month.month AND (drop_month.month + interval '1 month')::date - 1;
    IF (sealed_rows, sealed_digest) IS DISTINCT FROM (proved.rows, proved.digest) THEN
        RAISE EXCEPTION '% of % was written to since it was proved', dataset, to_char(month, 'YYYY-MM') USING ERRCODE = 'DP002';
    END IF;
    IF (to_file IS NOT NULL OR file_rows IS NOT NULL OR file_digest IS NOT NULL)
        AND (to_file IS NULL OR (file_rows, file_digest) IS DISTINCT FROM (proved.rows, proved.digest)) THEN
        RAISE EXCEPTION 'the file % does not hold % of % as it was sealed: % rows sealed, % in the file', to_file, dataset,
            to_char(month, 'YYYY-MM'), proved.rows, file_rows USING ERRCODE = 'DP002';
    END IF;
    -- The table before its partition, as every reader takes them.
    EXECUTE format('LOCK TABLE ONLY market.%I IN ACCESS EXCLUSIVE MODE', dataset);
    EXECUTE format('DROP TABLE %s', partition);
    UPDATE market.archive a SET file = to_file, dropped_at = clock_timestamp(), dropped_by = session_user
    WHERE a.dataset = drop_month.dataset AND a.month = drop_month.month;
    RETURN proved.rows;
END
$$;
COMMENT ON FUNCTION market.drop_month(text, date, text, bigint, numeric) IS
    'Drops the partition of a month that is over and as it was sealed, and remembers the file that holds its rows (path, rows, sum of digests), null for none; returns the rows dropped, 0 when it was done before. Raises SQLSTATE DP002 when rows, seals or file differ, 55P03 when readers do not let it in within 5 seconds. Fast after market.prove_month in the same transaction, which it does itself otherwise.';
REVOKE ALL ON FUNCTION market.month_partition(text, date), market.prove_month(text, date),
    market.drop_month(text, date, text, bigint, numeric) FROM PUBLIC;

-- A seal of a month that was let go is all that is left to prove its file with.
CREATE OR REPLACE FUNCTION market.seal_again(dataset text, first date, last date) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    sealed bigint;
BEGIN
    IF to_regprocedure(format('market.%I(date, date)', dataset || '_digests')) IS NULL THEN
        RAISE EXCEPTION 'market.% has no seals', dataset USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Nobody writes between the look at the rows and the seal; readers go on.
    EXECUTE format('LOCK TABLE market.%I IN SHARE ROW EXCLUSIVE MODE', dataset);
    DELETE FROM market.seal s WHERE s.dataset = seal_again.dataset AND s.session BETWEEN first AND last
        AND NOT market.is_archived(s.dataset, s.session);
    EXECUTE format('INSERT INTO market.seal (dataset, session, rows, official, run_id, digest)'
        ' SELECT %L, d.* FROM market.%I(%L, %L) d ORDER BY d.session', dataset, dataset || '_digests', first, last);
    GET DIAGNOSTICS sealed = ROW_COUNT;
    RETURN sealed;
END
$$;
