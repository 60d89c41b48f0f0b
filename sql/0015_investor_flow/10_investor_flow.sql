-- Who bought and who sold: one row a session and issue. Net is bought minus sold and is worked out where it is read.
CREATE TABLE market.investor_flow (
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    volume bigint CHECK (volume >= 0),
    individual_bought_volume bigint NOT NULL CHECK (individual_bought_volume >= 0),
    individual_bought_value bigint NOT NULL CHECK (individual_bought_value >= 0),
    individual_sold_volume bigint NOT NULL CHECK (individual_sold_volume >= 0),
    individual_sold_value bigint NOT NULL CHECK (individual_sold_value >= 0),
    foreign_bought_volume bigint NOT NULL CHECK (foreign_bought_volume >= 0),
    foreign_bought_value bigint NOT NULL CHECK (foreign_bought_value >= 0),
    foreign_sold_volume bigint NOT NULL CHECK (foreign_sold_volume >= 0),
    foreign_sold_value bigint NOT NULL CHECK (foreign_sold_value >= 0),
    institution_bought_volume bigint NOT NULL CHECK (institution_bought_volume >= 0),
    institution_bought_value bigint NOT NULL CHECK (institution_bought_value >= 0),
    institution_sold_volume bigint NOT NULL CHECK (institution_sold_volume >= 0),
    institution_sold_value bigint NOT NULL CHECK (institution_sold_value >= 0),
    securities_bought_volume bigint CHECK (securities_bought_volume >= 0),
    securities_bought_value bigint CHECK (securities_bought_value >= 0),
    securities_sold_volume bigint CHECK (securities_sold_volume >= 0),
    securities_sold_value bigint CHECK (securities_sold_value >= 0),
    trust_bought_volume bigint CHECK (trust_bought_volume >= 0),
    trust_bought_value bigint CHECK (trust_bought_value >= 0),
    trust_sold_volume bigint CHECK (trust_sold_volume >= 0),
    trust_sold_value bigint CHECK (trust_sold_value >= 0),
    private_fund_bought_volume bigint CHECK (private_fund_bought_volume >= 0),
    private_fund_bought_value bigint CHECK (private_fund_bought_value >= 0),
    private_fund_sold_volume bigint CHECK (private_fund_sold_volume >= 0),
    private_fund_sold_value bigint CHECK (private_fund_sold_value >= 0),
    bank_bought_volume bigint CHECK (bank_bought_volume >= 0),
    bank_bought_value bigint CHECK (bank_bought_value >= 0),
    bank_sold_volume bigint CHECK (bank_sold_volume >= 0),
    bank_sold_value bigint CHECK (bank_sold_value >= 0),
    insurance_bought_volume bigint CHECK (insurance_bought_volume >= 0),
    insurance_bought_value bigint CHECK (insurance_bought_value >= 0),
    insurance_sold_volume bigint CHECK (insurance_sold_volume >= 0),
    insurance_sold_value bigint CHECK (insurance_sold_value >= 0),
    merchant_bank_bought_volume bigint CHECK (merchant_bank_bought_volume >= 0),
    merchant_bank_bought_value bigint CHECK (merchant_bank_bought_value >= 0),
    merchant_bank_sold_volume bigint CHECK (merchant_bank_sold_volume >= 0),
    merchant_bank_sold_value bigint CHECK (merchant_bank_sold_value >= 0),
    pension_bought_volume bigint CHECK (pension_bought_volume >= 0),
    pension_bought_value bigint CHECK (pension_bought_value >= 0),
    pension_sold_volume bigint CHECK (pension_sold_volume >= 0),
    pension_sold_value bigint CHECK (pension_sold_value >= 0),
    other_group_bought_volume bigint CHECK (other_group_bought_volume >= 0),
    other_group_bought_value bigint CHECK (other_group_bought_value >= 0),
    other_group_sold_volume bigint CHECK (other_group_sold_volume >= 0),
    other_group_sold_value bigint CHECK (other_group_sold_value >= 0),
    other_corporation_bought_volume bigint CHECK (other_corporation_bought_volume >= 0),
    other_corporation_bought_value bigint CHECK (other_corporation_bought_value >= 0),
    other_corporation_sold_volume bigint CHECK (other_corporation_sold_volume >= 0),
    other_corporation_sold_value bigint CHECK (other_corporation_sold_value >= 0),
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, session)
);
CREATE INDEX investor_flow_session ON market.investor_flow (session);
COMMENT ON TABLE market.investor_flow IS 'Shares and won bought and sold in one session of one issue by kind of investor (투자자별 매매동향); values are exact to a million won.';
COMMENT ON COLUMN market.investor_flow.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.investor_flow.session IS 'Trading day, date in Seoul; source: KIS stck_bsop_date.';
COMMENT ON COLUMN market.investor_flow.volume IS 'Shares traded by everybody, an upper bound of what each bought or sold, null where the source does not tell; source: KIS acml_vol.';
COMMENT ON COLUMN market.investor_flow.individual_bought_volume IS 'Shares bought by individual investors (개인); source: KIS prsn_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.individual_bought_value IS 'Won bought by individual investors (개인), exact to a million won; source: KIS prsn_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.individual_sold_volume IS 'Shares sold by individual investors (개인); source: KIS prsn_seln_vol.';
COMMENT ON COLUMN market.investor_flow.individual_sold_value IS 'Won sold by individual investors (개인), exact to a million won; source: KIS prsn_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.foreign_bought_volume IS 'Shares bought by foreign investors (외국인); source: KIS frgn_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.foreign_bought_value IS 'Won bought by foreign investors (외국인), exact to a million won; source: KIS frgn_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.foreign_sold_volume IS 'Shares sold by foreign investors (외국인); source: KIS frgn_seln_vol.';
COMMENT ON COLUMN market.investor_flow.foreign_sold_value IS 'Won sold by foreign investors (외국인), exact to a million won; source: KIS frgn_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.institution_bought_volume IS 'Shares bought by institution investors (기관계); source: KIS orgn_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.institution_bought_value IS 'Won bought by institution investors (기관계), exact to a million won; source: KIS orgn_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.institution_sold_volume IS 'Shares sold by institution investors (기관계); source: KIS orgn_seln_vol.';
COMMENT ON COLUMN market.investor_flow.institution_sold_value IS 'Won sold by institution investors (기관계), exact to a million won; source: KIS orgn_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.securities_bought_volume IS 'Shares bought by securities investors (증권), null where the source tells the three totals only; source: KIS scrt_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.securities_bought_value IS 'Won bought by securities investors (증권), exact to a million won, null where the source tells the three totals only; source: KIS scrt_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.securities_sold_volume IS 'Shares sold by securities investors (증권), null where the source tells the three totals only; source: KIS scrt_seln_vol.';
COMMENT ON COLUMN market.investor_flow.securities_sold_value IS 'Won sold by securities investors (증권), exact to a million won, null where the source tells the three totals only; source: KIS scrt_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.trust_bought_volume IS 'Shares bought by trust investors (투자신탁), null where the source tells the three totals only; source: KIS ivtr_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.trust_bought_value IS 'Won bought by trust investors (투자신탁), exact to a million won, null where the source tells the three totals only; source: KIS ivtr_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.trust_sold_volume IS 'Shares sold by trust investors (투자신탁), null where the source tells the three totals only; source: KIS ivtr_seln_vol.';
COMMENT ON COLUMN market.investor_flow.trust_sold_value IS 'Won sold by trust investors (투자신탁), exact to a million won, null where the source tells the three totals only; source: KIS ivtr_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.private_fund_bought_volume IS 'Shares bought by private fund investors (사모 펀드), null where the source tells the three totals only; source: KIS pe_fund_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.private_fund_bought_value IS 'Won bought by private fund investors (사모 펀드), exact to a million won, null where the source tells the three totals only; source: KIS pe_fund_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.private_fund_sold_volume IS 'Shares sold by private fund investors (사모 펀드), null where the source tells the three totals only; source: KIS pe_fund_seln_vol.';
COMMENT ON COLUMN market.investor_flow.private_fund_sold_value IS 'Won sold by private fund investors (사모 펀드), exact to a million won, null where the source tells the three totals only; source: KIS pe_fund_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.bank_bought_volume IS 'Shares bought by bank investors (은행), null where the source tells the three totals only; source: KIS bank_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.bank_bought_value IS 'Won bought by bank investors (은행), exact to a million won, null where the source tells the three totals only; source: KIS bank_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.bank_sold_volume IS 'Shares sold by bank investors (은행), null where the source tells the three totals only; source: KIS bank_seln_vol.';
COMMENT ON COLUMN market.investor_flow.bank_sold_value IS 'Won sold by bank investors (은행), exact to a million won, null where the source tells the three totals only; source: KIS bank_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.insurance_bought_volume IS 'Shares bought by insurance investors (보험), null where the source tells the three totals only; source: KIS insu_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.insurance_bought_value IS 'Won bought by insurance investors (보험), exact to a million won, null where the source tells the three totals only; source: KIS insu_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.insurance_sold_volume IS 'Shares sold by insurance investors (보험), null where the source tells the three totals only; source: KIS insu_seln_vol.';
COMMENT ON COLUMN market.investor_flow.insurance_sold_value IS 'Won sold by insurance investors (보험), exact to a million won, null where the source tells the three totals only; source: KIS insu_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.merchant_bank_bought_volume IS 'Shares bought by merchant bank investors (종금), null where the source tells the three totals only; source: KIS mrbn_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.merchant_bank_bought_value IS 'Won bought by merchant bank investors (종금), exact to a million won, null where the source tells the three totals only; source: KIS mrbn_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.merchant_bank_sold_volume IS 'Shares sold by merchant bank investors (종금), null where the source tells the three totals only; source: KIS mrbn_seln_vol.';
COMMENT ON COLUMN market.investor_flow.merchant_bank_sold_value IS 'Won sold by merchant bank investors (종금), exact to a million won, null where the source tells the three totals only; source: KIS mrbn_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.pension_bought_volume IS 'Shares bought by pension investors (기금), null where the source tells the three totals only; source: KIS fund_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.pension_bought_value IS 'Won bought by pension investors (기금), exact to a million won, null where the source tells the three totals only; source: KIS fund_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.pension_sold_volume IS 'Shares sold by pension investors (기금), null where the source tells the three totals only; source: KIS fund_seln_vol.';
COMMENT ON COLUMN market.investor_flow.pension_sold_value IS 'Won sold by pension investors (기금), exact to a million won, null where the source tells the three totals only; source: KIS fund_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.other_group_bought_volume IS 'Shares bought by other group investors (기타 단체), null where the source tells the three totals only; source: KIS etc_orgt_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.other_group_bought_value IS 'Won bought by other group investors (기타 단체), exact to a million won, null where the source tells the three totals only; source: KIS etc_orgt_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.other_group_sold_volume IS 'Shares sold by other group investors (기타 단체), null where the source tells the three totals only; source: KIS etc_orgt_seln_vol.';
COMMENT ON COLUMN market.investor_flow.other_group_sold_value IS 'Won sold by other group investors (기타 단체), exact to a million won, null where the source tells the three totals only; source: KIS etc_orgt_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.other_corporation_bought_volume IS 'Shares bought by other corporation investors (기타 법인), null where the source tells the three totals only; source: KIS etc_corp_shnu_vol.';
COMMENT ON COLUMN market.investor_flow.other_corporation_bought_value IS 'Won bought by other corporation investors (기타 법인), exact to a million won, null where the source tells the three totals only; source: KIS etc_corp_shnu_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.other_corporation_sold_volume IS 'Shares sold by other corporation investors (기타 법인), null where the source tells the three totals only; source: KIS etc_corp_seln_vol.';
COMMENT ON COLUMN market.investor_flow.other_corporation_sold_value IS 'Won sold by other corporation investors (기타 법인), exact to a million won, null where the source tells the three totals only; source: KIS etc_corp_seln_tr_pbmn in millions.';
COMMENT ON COLUMN market.investor_flow.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.investor_flow.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.investor_flow.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';
CREATE TRIGGER keep_restatement AFTER UPDATE ON market.investor_flow
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market.keep_restatement();
CREATE TRIGGER keep_deleted AFTER DELETE ON market.investor_flow
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION market.keep_deleted();
GRANT SELECT ON market.investor_flow TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.investor_flow TO market_loader;
INSERT INTO market.dataset VALUES ('investor_flow', 'each_session');
CALL market.keep_coverage();
DO $kind$
DECLARE
    present text;
BEGIN
    SELECT kind INTO STRICT present FROM market.warehouse_kind;
    CALL market.require_kind(present);
END
$kind$;
