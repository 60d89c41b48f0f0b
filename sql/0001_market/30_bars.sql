-- Bars in raw (unadjusted) prices, one partition a month, made on demand by market.ensure_partitions.
CREATE TABLE market.daily_bar (
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    open bigint NOT NULL,
    high bigint NOT NULL,
    low bigint NOT NULL,
    close bigint NOT NULL,
    volume bigint NOT NULL,
    trading_value bigint NOT NULL,
    change bigint NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, session),
    CONSTRAINT candle CHECK (market.candle(open, high, low, close, volume, trading_value)),
    CONSTRAINT base_price_positive CHECK (close - change > 0)
) PARTITION BY RANGE (session);
COMMENT ON TABLE market.daily_bar IS 'One session of one issue, raw prices; kis is provisional, krx is official.';
COMMENT ON COLUMN market.daily_bar.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.daily_bar.session IS 'Trading day, date in Seoul; source: KIS stck_bsop_date, KRX BAS_DD.';
COMMENT ON COLUMN market.daily_bar.open IS 'First price, won; 0 when nothing traded; source: KIS stck_oprc, KRX TDD_OPNPRC.';
COMMENT ON COLUMN market.daily_bar.high IS 'Highest price, won; 0 when nothing traded; source: KIS stck_hgpr, KRX TDD_HGPRC.';
COMMENT ON COLUMN market.daily_bar.low IS 'Lowest price, won; 0 when nothing traded; source: KIS stck_lwpr, KRX TDD_LWPRC.';
COMMENT ON COLUMN market.daily_bar.close IS 'Last price, won; kept from before when nothing traded; source: KIS stck_clpr, KRX TDD_CLSPRC.';
COMMENT ON COLUMN market.daily_bar.volume IS 'Shares traded; source: KIS acml_vol, KRX ACC_TRDVOL.';
COMMENT ON COLUMN market.daily_bar.trading_value IS 'Value traded, won; source: KIS acml_tr_pbmn, KRX ACC_TRDVAL.';
COMMENT ON COLUMN market.daily_bar.change IS 'Close minus base price (전일대비), won with sign; source: KIS prdy_vrss, KRX CMPPREVDD_PRC.';
COMMENT ON COLUMN market.daily_bar.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.daily_bar.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.daily_bar.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.minute_bar (
    stock_code market.stock_code NOT NULL,
    at timestamptz NOT NULL,
    session market.session NOT NULL,
    open bigint NOT NULL,
    high bigint NOT NULL,
    low bigint NOT NULL,
    close bigint NOT NULL,
    volume bigint NOT NULL,
    trading_value bigint NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, at, session),
    CONSTRAINT candle CHECK (market.candle(open, high, low, close, volume, trading_value)),
    CONSTRAINT session_of_at CHECK (session = (at AT TIME ZONE 'Asia/Seoul')::date),
    CONSTRAINT whole_minute CHECK (extract(second FROM at AT TIME ZONE 'UTC') = 0)
) PARTITION BY RANGE (session);
COMMENT ON TABLE market.minute_bar IS 'One minute of one issue that traded, raw prices; minutes without a trade have no row.';
COMMENT ON COLUMN market.minute_bar.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.minute_bar.at IS 'Start of the minute (timestamptz, whole minute); source: KIS stck_bsop_date and stck_cntg_hour.';
COMMENT ON COLUMN market.minute_bar.session IS 'Trading day, date in Seoul; source: at.';
COMMENT ON COLUMN market.minute_bar.open IS 'First price of the minute, won; source: KIS stck_oprc.';
COMMENT ON COLUMN market.minute_bar.high IS 'Highest price of the minute, won; source: KIS stck_hgpr.';
COMMENT ON COLUMN market.minute_bar.low IS 'Lowest price of the minute, won; source: KIS stck_lwpr.';
COMMENT ON COLUMN market.minute_bar.close IS 'Last price of the minute, won; source: KIS stck_prpr.';
COMMENT ON COLUMN market.minute_bar.volume IS 'Shares traded in the minute; source: KIS cntg_vol.';
COMMENT ON COLUMN market.minute_bar.trading_value IS 'Value traded in the minute, won, never cumulative; source: KIS acml_tr_pbmn, differences.';
COMMENT ON COLUMN market.minute_bar.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.minute_bar.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.minute_bar.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.price_adjustment (
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    factor numeric NOT NULL CHECK (factor > 0 AND factor < 'Infinity'),
    previous_close bigint NOT NULL CHECK (previous_close > 0),
    base_price bigint NOT NULL CHECK (base_price > 0),
    reason text,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, session)
);
COMMENT ON TABLE market.price_adjustment IS 'Sessions that began from another price than the last close (splits, rights, ...).';
COMMENT ON COLUMN market.price_adjustment.stock_code IS 'Short code (단축코드), text; source: market.daily_bar.';
COMMENT ON COLUMN market.price_adjustment.session IS 'First session of the new base, date in Seoul; source: market.daily_bar.';
COMMENT ON COLUMN market.price_adjustment.factor IS 'Ratio that prices before this session are multiplied by: base price / previous close; source: computed.';
COMMENT ON COLUMN market.price_adjustment.previous_close IS 'Close of the session before, won; source: market.daily_bar.';
COMMENT ON COLUMN market.price_adjustment.base_price IS 'Close minus change of this session, won; source: market.daily_bar.';
COMMENT ON COLUMN market.price_adjustment.reason IS 'What happened, text, null when unknown; source: computed.';
COMMENT ON COLUMN market.price_adjustment.source IS 'Source of the bars it was computed from (market.source); source: market.daily_bar.';
COMMENT ON COLUMN market.price_adjustment.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.price_adjustment.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';
