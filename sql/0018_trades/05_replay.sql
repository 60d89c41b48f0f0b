-- A stored day that is played again is made up, whatever the day was. Nothing stored can be of the new source, so no row
-- is looked at.
ALTER DOMAIN market.source DROP CONSTRAINT known_source;
ALTER DOMAIN market.source ADD CONSTRAINT known_source
    CHECK (VALUE IN ('kis', 'kis-virtual', 'kis-sandbox', 'krx', 'krx-sandbox', 'mock', 'replay')) NOT VALID;
CREATE OR REPLACE FUNCTION market.is_made_up(source text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN source IN ('kis-sandbox', 'krx-sandbox', 'mock', 'replay');
CREATE OR REPLACE FUNCTION market.source_rank(source text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE source
        WHEN 'krx' THEN 3 WHEN 'kis' THEN 2 WHEN 'kis-virtual' THEN 1
        WHEN 'krx-sandbox' THEN 3 WHEN 'kis-sandbox' THEN 2 WHEN 'mock' THEN 1 WHEN 'replay' THEN 0
    END;
