-- An issue may trade outside of regular hours only (16:00 to 20:00 since 2026-09-14, before until 18:00):
-- its day then has a volume and no open, high and low. The function grows wider, so that no stored row is looked at again.
CREATE OR REPLACE FUNCTION market.candle(open bigint, high bigint, low bigint, close bigint, volume bigint, trading_value bigint)
    RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN volume >= 0 AND trading_value >= 0 AND close > 0 AND (
        (open = 0 AND high = 0 AND low = 0)
        OR (low > 0 AND low <= least(open, close) AND greatest(open, close) <= high)
    );
COMMENT ON FUNCTION market.candle(bigint, bigint, bigint, bigint, bigint, bigint) IS
    'Whether a candle agrees with itself: prices of regular hours (0 < low <= open, close <= high), or none (open, high, low 0).';

-- A minute that traded has prices, as before. Stored rows obeyed the narrower function and need no second look.
ALTER TABLE market.minute_bar ADD CONSTRAINT traded CHECK (open > 0 OR volume = 0) NOT VALID;

COMMENT ON COLUMN market.daily_bar.open IS 'First price, won; 0 when nothing traded in regular hours; source: KIS stck_oprc, KRX TDD_OPNPRC.';
COMMENT ON COLUMN market.daily_bar.high IS 'Highest price, won; 0 when nothing traded in regular hours; source: KIS stck_hgpr, KRX TDD_HGPRC.';
COMMENT ON COLUMN market.daily_bar.low IS 'Lowest price, won; 0 when nothing traded in regular hours; source: KIS stck_lwpr, KRX TDD_LWPRC.';
COMMENT ON COLUMN market.daily_bar.volume IS 'Shares traded, outside of regular hours too; source: KIS acml_vol, KRX ACC_TRDVOL.';
COMMENT ON COLUMN market.daily_bar_adjusted.open IS 'First price, adjusted won, not rounded; 0 when nothing traded in regular hours; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.high IS 'Highest price, adjusted won, not rounded; 0 when nothing traded in regular hours; null where factor is; source: this view.';
COMMENT ON COLUMN market.daily_bar_adjusted.low IS 'Lowest price, adjusted won, not rounded; 0 when nothing traded in regular hours; null where factor is; source: this view.';
COMMENT ON TABLE market.no_data IS 'Cells that truly hold nothing: sessions of minutes whose day has volume 0, or no open; a daily bar that did not come is missing.';
