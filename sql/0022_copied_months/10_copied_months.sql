-- Daily bars are copied into their months' partitions by name: the table's own trigger, which adds the new rows up, makes Postgres
-- take a COPY row by row and keep each row a second time. Such a load adds its rows up itself (docs/explanation/seals.md), and what
-- is copied without being added up is found, as anything that gets past the triggers.
CREATE FUNCTION market.bring_seals_forward(
    dataset text, sessions date[], rows bigint[], digests numeric[], source market.source, run_id bigint
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF dataset IS DISTINCT FROM 'daily_bar' THEN
        RAISE EXCEPTION 'seals of % are kept by triggers alone', dataset USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM unnest(rows) AS counted (rows) WHERE counted.rows IS NULL OR counted.rows < 1) THEN
        RAISE EXCEPTION 'new rows are at least one a session' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In the order of the key, as the triggers have it, so that loads wait for each other and never in a circle.
    INSERT INTO market.seal AS s (dataset, session, rows, official, run_id, digest)
    SELECT bring_seals_forward.dataset, n.session, n.rows,
        CASE WHEN bring_seals_forward.source IN ('krx', 'krx-sandbox') THEN n.rows ELSE 0 END,
        bring_seals_forward.run_id, n.digest
    FROM unnest(sessions, rows, digests) AS n (session, rows, digest) ORDER BY n.session
    ON CONFLICT ON CONSTRAINT seal_pkey DO UPDATE SET rows = s.rows + excluded.rows,
        official = s.official + excluded.official, digest = mod(s.digest + excluded.digest, 2::numeric ^ 256),
        sealed_at = excluded.sealed_at, run_id = excluded.run_id;
END
$$;
COMMENT ON FUNCTION market.bring_seals_forward(text, date[], bigint[], numeric[], market.source, bigint) IS
    'Adds to the seals of daily_bar what rows that were copied into its partitions by name add up to: sessions, how many rows, and the sum of their digests modulo 2^256, an item each. Raises SQLSTATE 42501 for any other dataset.';
REVOKE ALL ON FUNCTION market.bring_seals_forward(text, date[], bigint[], numeric[], market.source, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.bring_seals_forward(text, date[], bigint[], numeric[], market.source, bigint) TO market_loader;

DO $grants$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'market.daily_bar'::regclass LOOP
        EXECUTE format('GRANT INSERT ON %s TO market_loader', partition);
    END LOOP;
END
$grants$;

CREATE OR REPLACE FUNCTION market.ensure_partitions(table_name text, first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month date;
    partition text;
    moments text;
    made integer := 0;
    today date := (market.now() AT TIME ZONE 'Asia/Seoul')::date;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class c JOIN market.dataset d ON d.dataset = c.relname
            WHERE d.dataset = table_name AND c.relnamespace = 'market'::regnamespace AND c.relkind = 'p') THEN
        RAISE EXCEPTION 'market.% is not partitioned', table_name USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF first IS NULL OR last IS NULL OR first > last OR first < DATE '1956-03-03' OR last > today + 400 THEN
        RAISE EXCEPTION 'no partitions of % for sessions from % to %', table_name, first, last
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Sessions lie between 1956-03-03 and 400 days from today.';
    END IF;
    FOR month IN SELECT generate_series(date_trunc('month', first::timestamp), date_trunc('month', last::timestamp), '1 month') LOOP
        partition := format('%s_%s', table_name, to_char(month, 'YYYY_MM'));
        CONTINUE WHEN to_regclass(format('market.%I', partition)) IS NOT NULL;
        -- The lock that ATTACH takes, taken early: callers make partitions one after the other.
        EXECUTE format('LOCK TABLE market.%I IN SHARE UPDATE EXCLUSIVE MODE', table_name);
        CONTINUE WHEN to_regclass(format('market.%I', partition)) IS NOT NULL;
        -- Beside the rows of the file, others of the same month could be told by nobody.
        IF market.is_archived(table_name, month) THEN
            RAISE EXCEPTION '% of % is archived and takes no rows', table_name, to_char(month, 'YYYY-MM')
                USING ERRCODE = 'DP003', HINT = 'market.archive says since when, and where its rows are.';
        END IF;
        -- ATTACH, unlike CREATE ... PARTITION OF, lets other loads go on in the parent.
        EXECUTE format('CREATE TABLE market.%I (LIKE market.%I INCLUDING ALL)', partition, table_name);
        moments := market.moments_of(format('market.%I', table_name)::regclass, month, (month + interval '1 month')::date);
        IF moments IS NOT NULL THEN
            EXECUTE format('ALTER TABLE market.%I ADD CONSTRAINT at_of_month CHECK (%s)', partition, moments);
        END IF;
        EXECUTE format('COMMENT ON TABLE market.%I IS %L', partition,
            format('Sessions of %s of market.%s.', to_char(month, 'YYYY-MM'), table_name));
        EXECUTE format('ALTER TABLE market.%I ATTACH PARTITION market.%I FOR VALUES FROM (%L) TO (%L)',
            table_name, partition, month, (month + interval '1 month')::date);
        IF table_name = 'daily_bar' THEN
            EXECUTE format('GRANT INSERT ON market.%I TO market_loader', partition);
        END IF;
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION market.ensure_partitions(text, date, date) IS
    'Makes the monthly partitions that sessions first..last (both included) need; returns how many were missing. Safe for many callers. Raises SQLSTATE DP003 for a month that is archived.';
