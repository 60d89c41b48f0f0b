-- Roles, the schema and who may enter it. Run before every migration; does nothing where all is in place.
-- On a server of your own the connecting user needs either to be a superuser, or CREATEROLE and CREATE on the database,
-- or CREATE on the database, and the three roles and membership in market_owner made beforehand by somebody who is. What
-- is lacking was said by data_pipeline/warehouse/requirements.py before this runs.
DO $bootstrap$
DECLARE
    role_name text;
    meaning jsonb := '{
        "market_owner": "Owns the schema market and changes it (migrations).",
        "market_loader": "Reads and writes rows of the schema market; changes no table.",
        "market_reader": "Reads the schema market; writes nothing."
    }';
BEGIN
    FOR role_name IN SELECT jsonb_object_keys(meaning) LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
                EXECUTE format('COMMENT ON ROLE %I IS %L', role_name, meaning ->> role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this server is being migrated at the same moment
            END;
        END IF;
    END LOOP;

    -- Since Postgres 16 whoever creates a role is its member but may not yet become it.
    IF NOT pg_has_role(current_user, 'market_owner',
        CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        EXECUTE format('GRANT market_owner TO %I', current_user);
    END IF;
    -- Convenient and not needed: the schema is made by the connecting user.
    IF NOT has_database_privilege('market_owner', current_database(), 'CREATE')
        AND has_database_privilege(current_database(), 'CREATE WITH GRANT OPTION') THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO market_owner', current_database());
    END IF;
    IF NOT has_database_privilege('market_loader', current_database(), 'CONNECT')
        OR NOT has_database_privilege('market_loader', current_database(), 'TEMPORARY') THEN
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO market_loader', current_database());
    END IF;
    IF NOT has_database_privilege('market_reader', current_database(), 'CONNECT') THEN
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO market_reader', current_database());
    END IF;

    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'market') THEN
        CREATE SCHEMA market AUTHORIZATION market_owner;
        COMMENT ON SCHEMA market IS 'Korean stock market data: won and shares as whole numbers, times with zone, sessions as dates in Seoul.';
        GRANT USAGE ON SCHEMA market TO market_loader, market_reader;
    END IF;
END
$bootstrap$;
