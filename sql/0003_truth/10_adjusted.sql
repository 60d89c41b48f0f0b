-- Adjusted prices: what breaks the line from one session to the next, and the view that bridges it.
ALTER TABLE market.price_adjustment ALTER COLUMN factor DROP NOT NULL;
ALTER TABLE market.price_adjustment ADD COLUMN kind text NOT NULL DEFAULT 'action'
    CONSTRAINT known_kind CHECK (kind IN ('action', 'listing', 'gap'));
ALTER TABLE market.price_adjustment ADD CONSTRAINT factor_of_action CHECK ((kind = 'action') = (factor IS NOT NULL));
COMMENT ON TABLE market.price_adjustment IS
    'Sessions at which raw prices cannot be compared with the session before: corporate actions, other issues, gaps.';
COMMENT ON COLUMN market.price_adjustment.factor IS
    'Prices before this session are multiplied by it: base price / previous close; null unless kind is action; source: computed.';
COMMENT ON COLUMN market.price_adjustment.kind IS
    'action: a corporate action; listing: another issue took the code over; gap: bars are missing and the factor is unknown; source: computed.';
COMMENT ON COLUMN market.price_adjustment.previous_close IS 'Close of the stored bar before, won; source: market.daily_bar.';

CREATE FUNCTION market.times(product numeric, factor numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN round(product * factor, 40);
COMMENT ON FUNCTION market.times(numeric, numeric) IS 'Product of two ratios, to 40 decimals.';
CREATE AGGREGATE market.product(numeric) (SFUNC = market.times, STYPE = numeric, INITCOND = '1', PARALLEL = SAFE);
COMMENT ON AGGREGATE market.product(numeric) IS 'Product of ratios, to 40 decimals; nulls are left out; 1 for none.';

CREATE VIEW market.daily_bar_adjusted AS
SELECT b.stock_code, b.session,
    b.open * f.factor AS open, b.high * f.factor AS high, b.low * f.factor AS low, b.close * f.factor AS close,
    b.volume / f.factor AS volume,
    b.trading_value,
    b.change * f.factor AS change,
    f.factor,
    b.source, b.loaded_at
FROM market.daily_bar b
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_or(e.kind = 'gap') THEN NULL ELSE market.product(e.factor) END AS factor
    FROM (
        SELECT a.kind, a.factor, count(*) FILTER (WHERE a.kind = 'listing') OVER (ORDER BY a.session) AS issues_later
        FROM market.price_adjustment a
        WHERE a.stock_code = b.stock_code AND a.session > b.session
    ) e
    WHERE e.issues_later = 0
) f;
COMMENT ON VIEW market.daily_bar_adjusted IS
    'Daily bars in prices of the issue''s newest session: raw prices times the factors of all later corporate actions, volumes divided by them.';
COMMENT ON COLUMN market.daily_bar_adjusted.stock_code IS 'Short code (단축코드), text; source: market.daily_bar.';
COMMENT ON COLUMN market.daily_bar_adjusted.session IS 'Trading day, date in Seoul; source: market.daily_bar.';
COMMENT ON COLUMN market.daily_bar_adjusted.open IS 'First price, adjusted won, not rounded; 0 when nothing traded; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.high IS 'Highest price, adjusted won, not rounded; 0 when nothing traded; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.low IS 'Lowest price, adjusted won, not rounded; 0 when nothing traded; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.close IS 'Last price, adjusted won, not rounded; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.volume IS 'Shares traded, in shares of the newest session, not rounded; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.trading_value IS 'Value traded, won; no action changes it; source: market.daily_bar.';
COMMENT ON COLUMN market.daily_bar_adjusted.change IS 'Close minus base price (전일대비), adjusted won, not rounded; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.factor IS 'Product of the factors of later corporate actions, 1 for none; null where bars are missing in between; source: market.price_adjustment.';
COMMENT ON COLUMN market.daily_bar_adjusted.source IS 'Where the raw bar came from (market.source); source: market.daily_bar.';
COMMENT ON COLUMN market.daily_bar_adjusted.loaded_at IS 'When the raw bar was written (timestamptz); source: market.daily_bar.';
