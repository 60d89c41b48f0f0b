-- For each dataset: what its rows add up to now, and what keeps its seals when rows come, change or go.
DO $seals$
DECLARE
    dataset text;
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
    FOREACH dataset IN ARRAY ARRAY['daily_bar', 'minute_bar', 'price_snapshot', 'order_book'] LOOP
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
    END LOOP;
END
$seals$;
