-- Where the exchange's own daily bars differ from the provisional ones that they replaced.
CREATE TABLE market.reconciliation (
    session market.session NOT NULL,
    stock_code market.stock_code NOT NULL,
    kind text NOT NULL CHECK (kind IN ('open', 'high', 'low', 'close', 'volume', 'trading_value', 'change',
                                       'missing_provisional', 'missing_official')),
    provisional bigint,
    official bigint,
    after_market boolean NOT NULL,
    expected boolean,
    provisional_source market.source,
    official_source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session, stock_code, kind),
    CHECK ((kind = 'missing_provisional') = (provisional IS NULL)),
    CHECK ((kind = 'missing_official') = (official IS NULL)),
    CHECK ((provisional_source IS NULL) = (kind = 'missing_provisional')),
    CHECK (provisional IS DISTINCT FROM official)
);
COMMENT ON TABLE market.reconciliation IS 'Every difference between a provisional daily bar (KIS) and the official one (KRX) that replaced it.';
COMMENT ON COLUMN market.reconciliation.session IS 'Trading day, date in Seoul; source: market.daily_bar.';
COMMENT ON COLUMN market.reconciliation.stock_code IS 'Short code (단축코드), text; source: market.daily_bar.';
COMMENT ON COLUMN market.reconciliation.kind IS 'Which column differs, or missing_provisional, missing_official; source: the comparison.';
COMMENT ON COLUMN market.reconciliation.provisional IS 'What was stored, won or shares as in market.daily_bar, the close for missing_official, null when it was missing; source: KIS.';
COMMENT ON COLUMN market.reconciliation.official IS 'What the exchange says, won or shares as in market.daily_bar, the close for missing_provisional, null when it is missing; source: KRX.';
COMMENT ON COLUMN market.reconciliation.after_market IS 'Whether the after-market (16:00 to 20:00) can explain it; source: the comparison.';
COMMENT ON COLUMN market.reconciliation.expected IS 'Whether KIS_BARS_INCLUDE_AFTER_MARKET lets expect it, null while that is not set; source: the comparison.';
COMMENT ON COLUMN market.reconciliation.provisional_source IS 'Where the provisional bar came from (market.source), null when missing; source: market.daily_bar.';
COMMENT ON COLUMN market.reconciliation.official_source IS 'Where the official bar came from (market.source); source: the load.';
COMMENT ON COLUMN market.reconciliation.run_id IS 'ingest_run that found it, null for none; source: the load.';
COMMENT ON COLUMN market.reconciliation.loaded_at IS 'When it was found (timestamptz); source: the server''s clock.';
GRANT SELECT ON market.reconciliation TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.reconciliation TO market_loader;
