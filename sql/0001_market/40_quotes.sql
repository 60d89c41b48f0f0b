-- Moments: prices, order books and trades, one partition a month, made on demand by market.ensure_partitions.
CREATE TABLE market.price_snapshot (
    stock_code market.stock_code NOT NULL,
    observed_at timestamptz NOT NULL,
    session market.session NOT NULL,
    stock_name text NOT NULL,
    current_price bigint NOT NULL,
    change_price bigint NOT NULL,
    change_rate numeric NOT NULL CHECK (change_rate > -100 AND change_rate < 1000000),
    open_price bigint NOT NULL,
    high_price bigint NOT NULL,
    low_price bigint NOT NULL,
    volume bigint NOT NULL,
    trading_value bigint NOT NULL,
    market_cap bigint CHECK (market_cap >= 0),
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, observed_at, session),
    CONSTRAINT candle CHECK (market.candle(open_price, high_price, low_price, current_price, volume, trading_value))
) PARTITION BY RANGE (session);
COMMENT ON TABLE market.price_snapshot IS 'The last price of an issue and its day so far, as seen at a moment.';
COMMENT ON COLUMN market.price_snapshot.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.price_snapshot.observed_at IS 'When the server answered (timestamptz); source: KIS, HTTP Date.';
COMMENT ON COLUMN market.price_snapshot.session IS 'Date in Seoul of observed_at unless the load says otherwise; source: the load.';
COMMENT ON COLUMN market.price_snapshot.stock_name IS 'Name of the issue, text; source: KIS master file.';
COMMENT ON COLUMN market.price_snapshot.current_price IS 'Last price, won; source: KIS stck_prpr.';
COMMENT ON COLUMN market.price_snapshot.change_price IS 'Against the base price (전일대비), won with sign; source: KIS prdy_vrss.';
COMMENT ON COLUMN market.price_snapshot.change_rate IS 'Against the base price (등락률), percent with sign; source: KIS prdy_ctrt.';
COMMENT ON COLUMN market.price_snapshot.open_price IS 'First price of the session, won; 0 before the first trade; source: KIS stck_oprc.';
COMMENT ON COLUMN market.price_snapshot.high_price IS 'Highest price so far, won; 0 before the first trade; source: KIS stck_hgpr.';
COMMENT ON COLUMN market.price_snapshot.low_price IS 'Lowest price so far, won; 0 before the first trade; source: KIS stck_lwpr.';
COMMENT ON COLUMN market.price_snapshot.volume IS 'Shares traded so far in the session; source: KIS acml_vol.';
COMMENT ON COLUMN market.price_snapshot.trading_value IS 'Value traded so far in the session, won; source: KIS acml_tr_pbmn.';
COMMENT ON COLUMN market.price_snapshot.market_cap IS 'Market capitalisation, won, null where the source does not say; source: KIS hts_avls.';
COMMENT ON COLUMN market.price_snapshot.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.price_snapshot.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.price_snapshot.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.order_book (
    stock_code market.stock_code NOT NULL,
    observed_at timestamptz NOT NULL,
    session market.session NOT NULL,
    stock_name text NOT NULL,
    bid_prices bigint[] NOT NULL,
    bid_volumes bigint[] NOT NULL,
    ask_prices bigint[] NOT NULL,
    ask_volumes bigint[] NOT NULL,
    total_bid_volume bigint NOT NULL CHECK (total_bid_volume >= 0),
    total_ask_volume bigint NOT NULL CHECK (total_ask_volume >= 0),
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, observed_at, session),
    CONSTRAINT ten_levels CHECK (
        cardinality(bid_prices) = cardinality(bid_volumes) AND cardinality(ask_prices) = cardinality(ask_volumes)
        AND cardinality(bid_prices) <= 10 AND cardinality(ask_prices) <= 10),
    CONSTRAINT best_first CHECK (market.falls(bid_prices) AND market.rises(ask_prices)),
    CONSTRAINT positive CHECK (
        0 < ALL (bid_prices) AND 0 < ALL (ask_prices) AND 0 <= ALL (bid_volumes) AND 0 <= ALL (ask_volumes))
) PARTITION BY RANGE (session);
COMMENT ON TABLE market.order_book IS 'Up to ten levels on both sides of an issue, as seen at a moment; best first.';
COMMENT ON COLUMN market.order_book.stock_code IS 'Short code (단축코드), text; source: the request.';
COMMENT ON COLUMN market.order_book.observed_at IS 'When the server answered (timestamptz); source: KIS, HTTP Date.';
COMMENT ON COLUMN market.order_book.session IS 'Date in Seoul of observed_at unless the load says otherwise; source: the load.';
COMMENT ON COLUMN market.order_book.stock_name IS 'Name of the issue, text; source: KIS master file.';
COMMENT ON COLUMN market.order_book.bid_prices IS 'Prices bid, won, highest first, empty when nobody bids; source: KIS bidp1..10.';
COMMENT ON COLUMN market.order_book.bid_volumes IS 'Shares waiting at each bid price; source: KIS bidp_rsqn1..10.';
COMMENT ON COLUMN market.order_book.ask_prices IS 'Prices asked, won, lowest first, empty when nobody offers; source: KIS askp1..10.';
COMMENT ON COLUMN market.order_book.ask_volumes IS 'Shares waiting at each ask price; source: KIS askp_rsqn1..10.';
COMMENT ON COLUMN market.order_book.total_bid_volume IS 'Shares waiting on the bid side, all prices; source: KIS total_bidp_rsqn.';
COMMENT ON COLUMN market.order_book.total_ask_volume IS 'Shares waiting on the ask side, all prices; source: KIS total_askp_rsqn.';
COMMENT ON COLUMN market.order_book.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.order_book.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.order_book.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.trade (
    stock_code market.stock_code NOT NULL,
    traded_at timestamptz NOT NULL,
    session market.session NOT NULL,
    cumulative_volume bigint NOT NULL CHECK (cumulative_volume >= volume),
    price bigint NOT NULL CHECK (price > 0),
    volume bigint NOT NULL CHECK (volume > 0),
    side text CHECK (side IN ('buy', 'sell', 'auction')),
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, traded_at, cumulative_volume, session),
    CONSTRAINT session_of_trade CHECK (session = (traded_at AT TIME ZONE 'Asia/Seoul')::date)
) PARTITION BY RANGE (session);
COMMENT ON TABLE market.trade IS 'Single trades from the stream; within a session the running volume tells them apart.';
COMMENT ON COLUMN market.trade.stock_code IS 'Short code (단축코드), text; source: KIS MKSC_SHRN_ISCD.';
COMMENT ON COLUMN market.trade.traded_at IS 'When it traded (timestamptz, whole second); source: KIS STCK_CNTG_HOUR.';
COMMENT ON COLUMN market.trade.session IS 'Trading day, date in Seoul; source: traded_at.';
COMMENT ON COLUMN market.trade.cumulative_volume IS 'Shares traded in the session with this trade; source: KIS ACML_VOL.';
COMMENT ON COLUMN market.trade.price IS 'Price, won; source: KIS STCK_PRPR.';
COMMENT ON COLUMN market.trade.volume IS 'Shares; source: KIS CNTG_VOL.';
COMMENT ON COLUMN market.trade.side IS 'Who took the price: buy, sell or auction, null when unknown; source: KIS CCLD_DVSN.';
COMMENT ON COLUMN market.trade.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.trade.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.trade.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';
