-- Words that every table uses: codes, sources and their ranks, the warehouse's kind.
COMMENT ON TABLE market.alembic_version IS 'Which migration this schema is at.';
COMMENT ON COLUMN market.alembic_version.version_num IS 'Name of the last migration that ran; source: Alembic.';

CREATE DOMAIN market.stock_code AS text COLLATE "C"
    CONSTRAINT six_characters CHECK (VALUE ~ '^[0-9A-Z]{6}$');
COMMENT ON DOMAIN market.stock_code IS 'Short code (단축코드): six characters of 0-9 and A-Z; letters are normal since 2024.';

CREATE DOMAIN market.source AS text COLLATE "C"
    CONSTRAINT known_source CHECK (VALUE IN ('kis', 'kis-virtual', 'kis-sandbox', 'krx', 'krx-sandbox', 'mock'));
COMMENT ON DOMAIN market.source IS 'Where a row came from: kis, kis-virtual, krx are real; kis-sandbox, krx-sandbox, mock are made up.';

CREATE DOMAIN market.session AS date
    CONSTRAINT exchange_exists CHECK (VALUE >= DATE '1956-03-03');
COMMENT ON DOMAIN market.session IS 'A trading day of the exchange, a date in Seoul; the exchange opened on 1956-03-03.';

CREATE FUNCTION market.is_made_up(source text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN source IN ('kis-sandbox', 'krx-sandbox', 'mock');
COMMENT ON FUNCTION market.is_made_up(text) IS 'Whether rows of this source are synthetic.';

CREATE FUNCTION market.source_rank(source text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE source
        WHEN 'krx' THEN 3 WHEN 'kis' THEN 2 WHEN 'kis-virtual' THEN 1
        WHEN 'krx-sandbox' THEN 3 WHEN 'kis-sandbox' THEN 2 WHEN 'mock' THEN 1
    END;
COMMENT ON FUNCTION market.source_rank(text) IS 'Higher wins for the same key: krx over kis over kis-virtual, likewise among made-up sources.';

CREATE FUNCTION market.final_at(session date) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (session + CASE WHEN session >= DATE '2026-09-14' THEN TIME '20:00' ELSE TIME '18:00' END) AT TIME ZONE 'Asia/Seoul';
COMMENT ON FUNCTION market.final_at(date) IS 'When a session''s figures stop moving: 20:00 in Seoul since the after-market of 2026-09-14, 18:00 before.';

CREATE FUNCTION market.rises(prices bigint[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN prices = ARRAY(SELECT DISTINCT price FROM unnest(prices) AS price ORDER BY price);
COMMENT ON FUNCTION market.rises(bigint[]) IS 'Whether each price is higher than the one before; true for none.';

CREATE FUNCTION market.falls(prices bigint[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN prices = ARRAY(SELECT DISTINCT price FROM unnest(prices) AS price ORDER BY price DESC);
COMMENT ON FUNCTION market.falls(bigint[]) IS 'Whether each price is lower than the one before; true for none.';

CREATE FUNCTION market.candle(open bigint, high bigint, low bigint, close bigint, volume bigint, trading_value bigint)
    RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN volume >= 0 AND trading_value >= 0 AND close > 0 AND (
        (open = 0 AND high = 0 AND low = 0 AND volume = 0)
        OR (low > 0 AND low <= least(open, close) AND greatest(open, close) <= high)
    );
COMMENT ON FUNCTION market.candle(bigint, bigint, bigint, bigint, bigint, bigint) IS
    'Whether a candle agrees with itself: traded (0 < low <= open, close <= high) or not traded (open, high, low, volume 0).';

CREATE TABLE market.warehouse_kind (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    kind text NOT NULL CHECK (kind IN ('empty', 'real', 'made-up')),
    decided_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO market.warehouse_kind (kind) VALUES ('empty');
COMMENT ON TABLE market.warehouse_kind IS 'Whether this warehouse holds real rows or made-up ones; never both. One row.';
COMMENT ON COLUMN market.warehouse_kind.only_row IS 'Always true: there is one row; source: this schema.';
COMMENT ON COLUMN market.warehouse_kind.kind IS 'empty until the first load, then real or made-up; source: market.admit_source.';
COMMENT ON COLUMN market.warehouse_kind.decided_at IS 'When the kind was last decided (timestamptz); source: the server''s clock.';
