-- What keeps the seals of a dataset, for any table that has a row_digest; the same as sql/0010_seals has for the first four.
CREATE PROCEDURE market.keep_seals(dataset text)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $keep$
DECLARE
    modulus constant text := '(2::numeric ^ 256)';
    -- Each byte is summed by itself and a session put together out of 32 sums: of what was measured the cheapest that
    -- Postgres 15 has (docs/decisions/seals.md). OFFSET 0 keeps the planner from working out a SHA-256 for each byte.
    added_up constant text := format($$
        SELECT q.session, count(*) AS rows, count(*) FILTER (WHERE q.source IN ('krx', 'krx-sandbox')) AS official,
            max(q.run_id) AS run_id, mod(coalesce(%s, 0), %s) AS digest
        FROM (SELECT r.session::date AS session, r.source, r.run_id, market.row_digest(r::market.%%1$I) AS sha
            FROM %%2$s OFFSET 0) q
        GROUP BY q.session$$,
        (SELECT string_agg(format('sum(get_byte(q.sha, %s)) * %s::numeric', byte, trunc(256::numeric ^ (31 - byte))), ' + ' ORDER BY byte)
         FROM generate_series(0, 31) byte), modulus);
    came text;
    went text;
    brought_forward text;
BEGIN
    -- What its rows add up to now, what brings its seals forward, and who may.
    EXECUTE format($$
        CREATE FUNCTION market.%I(first date, last date)
            RETURNS TABLE (session date, rows bigint, official bigint, run_id bigint, digest numeric)
            LANGUAGE sql STABLE PARALLEL SAFE AS %L$$,
        dataset || '_digests',
        format(added_up, dataset, format('market.%I r WHERE r.session BETWEEN first AND last', dataset)));
    EXECUTE format('COMMENT ON FUNCTION market.%I(date, date) IS %L', dataset || '_digests',
        'What the stored rows of each session first..last (both included) add up to now, in the terms of market.seal.');

    came := format(added_up, dataset, 'new_rows r');
    went := format('SELECT o.session, -o.rows, -o.official, NULL::bigint, %s - o.digest FROM (%s) o',
        modulus, format(added_up, dataset, 'old_rows r'));
    -- In the order of the key, so that two loads of the same sessions wait for each other and never in a circle.
    brought_forward := format($$
        INSERT INTO market.seal AS s (dataset, session, rows, official, run_id, digest)
        SELECT %L, c.session, sum(c.rows), sum(c.official), max(c.run_id), mod(sum(c.digest), %s)
        FROM (%%s) c (session, rows, official, run_id, digest)
        GROUP BY c.session ORDER BY c.session
        ON CONFLICT (dataset, session) DO UPDATE SET rows = s.rows + excluded.rows,
            official = s.official + excluded.official, digest = mod(s.digest + excluded.digest, %s),
            sealed_at = excluded.sealed_at, run_id = excluded.run_id;$$, dataset, modulus, modulus);
    EXECUTE format($$
        CREATE FUNCTION market.%I() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS %L$$,
        'keep_' || dataset || '_seal', format($$
BEGIN
    -- A load asks for changes and for new rows even where there are none.
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM new_rows) THEN %s
        END IF;
    ELSIF EXISTS (SELECT FROM old_rows) THEN
        IF TG_OP = 'UPDATE' THEN %s
        ELSE %s
        END IF;
    END IF;
    RETURN NULL;
END
        $$, format(brought_forward, came), format(brought_forward, came || ' UNION ALL ' || went),
        format(brought_forward, went)));
    EXECUTE format('COMMENT ON FUNCTION market.%I() IS %L', 'keep_' || dataset || '_seal',
        format('Brings the seals of market.%s forward by the rows that came, changed or went.', dataset));
    EXECUTE format($$
        CREATE TRIGGER keep_seal_inserted AFTER INSERT ON market.%1$I
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market.%2$I();
        CREATE TRIGGER keep_seal_updated AFTER UPDATE ON market.%1$I
            REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market.%2$I();
        CREATE TRIGGER keep_seal_deleted AFTER DELETE ON market.%1$I
            REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION market.%2$I()$$,
        dataset, 'keep_' || dataset || '_seal');

    EXECUTE format('COMMENT ON FUNCTION market.row_digest(market.%I) IS %L', dataset,
        'SHA-256 over the binary form of a row, version 1, without source, run_id and loaded_at.');
    EXECUTE format('REVOKE ALL ON FUNCTION market.%1$I(), market.row_digest(market.%2$I), market.%3$I(date, date) FROM PUBLIC',
        'keep_' || dataset || '_seal', dataset, dataset || '_digests');
    EXECUTE format('GRANT EXECUTE ON FUNCTION market.row_digest(market.%I), market.%I(date, date) TO market_reader, market_loader',
        dataset, dataset || '_digests');
END
$keep$;
COMMENT ON PROCEDURE market.keep_seals(text) IS
    'Gives a table that has a function row_digest its seals: <dataset>_digests and the triggers that bring market.seal forward.';
REVOKE ALL ON PROCEDURE market.keep_seals(text) FROM PUBLIC;
CALL market.keep_seals('index_bar');
CALL market.keep_seals('index_snapshot');
CALL market.keep_seals('investor_flow');

-- Which tables are sealed is known by their <dataset>_digests.
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
    DELETE FROM market.seal s WHERE s.dataset = seal_again.dataset AND s.session BETWEEN first AND last;
    EXECUTE format('INSERT INTO market.seal (dataset, session, rows, official, run_id, digest)'
        ' SELECT %L, d.* FROM market.%I(%L, %L) d ORDER BY d.session', dataset, dataset || '_digests', first, last);
    GET DIAGNOSTICS sealed = ROW_COUNT;
    RETURN sealed;
END
$$;

INSERT INTO market.migration_report (what, rows)
SELECT 'sessions of ' || dataset || ' sealed as they stand', market.seal_again(dataset, '1956-03-03', 'infinity')
FROM unnest(ARRAY['index_bar', 'investor_flow']) AS dataset;
