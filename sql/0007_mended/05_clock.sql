-- The market's clock in SQL: the server's, unless the session's client fixed it and the warehouse holds no real rows.
CREATE FUNCTION market.now() RETURNS timestamptz
    LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fixed text := current_setting('market.clock', true);
    since text := current_setting('market.clock_since', true);
BEGIN
    IF coalesce(fixed, '') = '' OR coalesce(since, '') = ''
        OR EXISTS (SELECT FROM market.warehouse_kind WHERE kind = 'real') THEN
        RETURN pg_catalog.now();
    END IF;
    RETURN fixed::timestamptz + (pg_catalog.now() - since::timestamptz);
END
$$;
COMMENT ON FUNCTION market.now() IS
    'The market''s moment: the server''s now(), or, where no real rows are stored, the moment that the settings market.clock and market.clock_since (when it was set, server time) fix, running on.';
GRANT EXECUTE ON FUNCTION market.now() TO market_reader, market_loader;
