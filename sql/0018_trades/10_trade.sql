-- Trades out of the stream. What tells two trades of a code apart is the running volume: it rises with each of them.
CREATE DOMAIN market.venue AS text COLLATE "C"
    CONSTRAINT known_venue CHECK (VALUE IN ('KRX', 'NXT', 'UNIFIED'));
COMMENT ON DOMAIN market.venue IS 'Where live data is from: KRX (한국거래소), NXT (넥스트레이드), or both read as one market (통합).';

CREATE TABLE market.trade (
    venue market.venue NOT NULL,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    cumulative_volume bigint NOT NULL CHECK (cumulative_volume >= volume),
    traded_at timestamptz NOT NULL,
    price bigint NOT NULL CHECK (price > 0),
    volume bigint NOT NULL CHECK (volume > 0),
    cumulative_value bigint CHECK (cumulative_value >= 0),
    side text CHECK (side IN ('buy', 'sell', 'auction')),
    sell_count bigint CHECK (sell_count >= 0),
    buy_count bigint CHECK (buy_count >= 0),
    sell_volume bigint CHECK (sell_volume >= 0),
    buy_volume bigint CHECK (buy_volume >= 0),
    ask_price bigint CHECK (ask_price >= 0),
    bid_price bigint CHECK (bid_price >= 0),
    market_class text NOT NULL,
    hour_class text NOT NULL,
    session_class text NOT NULL,
    filled boolean NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (venue, stock_code, session, cumulative_volume),
    CONSTRAINT session_of_at CHECK (session = (traded_at AT TIME ZONE 'Asia/Seoul')::date)
) PARTITION BY RANGE (session);
COMMENT ON TABLE market.trade IS 'Single trades (체결) out of the stream, and those asked for later that it did not bring; a row never changes.';
COMMENT ON COLUMN market.trade.venue IS 'Where it traded: KRX, NXT, or UNIFIED for both as one market, text; source: the feed.';
COMMENT ON COLUMN market.trade.stock_code IS 'Short code (단축코드), text; source: KIS MKSC_SHRN_ISCD.';
COMMENT ON COLUMN market.trade.session IS 'Trading day, date in Seoul; source: KIS BSOP_DATE.';
COMMENT ON COLUMN market.trade.cumulative_volume IS 'Shares of the session so far at the venue, this trade included (누적 거래량); source: KIS ACML_VOL, acml_vol.';
COMMENT ON COLUMN market.trade.traded_at IS 'The second in which it traded (timestamptz); nothing finer is published; source: KIS STCK_CNTG_HOUR, stck_cntg_hour.';
COMMENT ON COLUMN market.trade.price IS 'Price, won; source: KIS STCK_PRPR, stck_prpr.';
COMMENT ON COLUMN market.trade.volume IS 'Shares of this trade; source: KIS CNTG_VOL, cnqn.';
COMMENT ON COLUMN market.trade.cumulative_value IS 'Won of the session so far at the venue, this trade included, null when it was asked for later; source: KIS ACML_TR_PBMN.';
COMMENT ON COLUMN market.trade.side IS 'Who took the price: buy, sell or auction, null when it was asked for later; source: KIS CCLD_DVSN, CNTG_CLS_CODE.';
COMMENT ON COLUMN market.trade.sell_count IS 'Trades of the session so far in which a seller took the price, counted, null when it was asked for later; source: KIS SELN_CNTG_CSNU.';
COMMENT ON COLUMN market.trade.buy_count IS 'Trades of the session so far in which a buyer took the price, counted, null when it was asked for later; source: KIS SHNU_CNTG_CSNU.';
COMMENT ON COLUMN market.trade.sell_volume IS 'Shares of those in which a seller took it, null when it was asked for later; source: KIS SELN_CNTG_SMTN.';
COMMENT ON COLUMN market.trade.buy_volume IS 'Shares of those in which a buyer took it, null when it was asked for later; source: KIS SHNU_CNTG_SMTN.';
COMMENT ON COLUMN market.trade.ask_price IS 'Best price asked beside the trade, won, 0 when nobody offers, null when the source does not say; source: KIS ASKP1, askp.';
COMMENT ON COLUMN market.trade.bid_price IS 'Best price bid beside the trade, won, 0 when nobody bids, null when the source does not say; source: KIS BIDP1, bidp.';
COMMENT ON COLUMN market.trade.market_class IS 'Phase of the market (신 장운영 구분), two characters, empty when it was asked for later; source: KIS NEW_MKOP_CLS_CODE.';
COMMENT ON COLUMN market.trade.hour_class IS '0 in session (시간 구분), empty when it was asked for later, text; source: KIS HOUR_CLS_CODE.';
COMMENT ON COLUMN market.trade.session_class IS '1 pre-market, 2 regular, 3 after-market, 5 at the close, empty when it was asked for later, text; source: KIS MARKET_CLS_CODE.';
COMMENT ON COLUMN market.trade.filled IS 'Whether it was asked for later because the stream did not bring it, boolean; source: the load.';
COMMENT ON COLUMN market.trade.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.trade.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.trade.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';
CREATE TRIGGER keep_restatement AFTER UPDATE ON market.trade
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market.keep_restatement();
GRANT SELECT ON market.trade TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.trade TO market_loader;

CREATE FUNCTION market.row_digest(b market.trade) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(int4send(octet_length(b.venue::text)) || textsend(b.venue::text) || textsend(b.stock_code)
        || date_send(b.session) || int8send(b.cumulative_volume) || timestamptz_send(b.traded_at) || int8send(b.price)
        || int8send(b.volume)
        || coalesce('\x01'::bytea || int8send(b.cumulative_value), '\x00'::bytea)
        || coalesce('\x01'::bytea || int4send(octet_length(b.side)) || textsend(b.side), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.sell_count), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.buy_count), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.sell_volume), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.buy_volume), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.ask_price), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.bid_price), '\x00'::bytea)
        || int4send(octet_length(convert_to(b.market_class, 'UTF8'))) || convert_to(b.market_class, 'UTF8')
        || int4send(octet_length(convert_to(b.hour_class, 'UTF8'))) || convert_to(b.hour_class, 'UTF8')
        || int4send(octet_length(convert_to(b.session_class, 'UTF8'))) || convert_to(b.session_class, 'UTF8')
        || boolsend(b.filled));
