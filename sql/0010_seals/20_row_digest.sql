-- The binary form of a row, version 1: the columns that a record says, in the order of its declaration, each as Postgres
-- sends it, so big-endian. Text is preceded by its length, a column that may be null by whether it is there.
CREATE FUNCTION market.row_digest(b market.daily_bar) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(textsend(b.stock_code) || date_send(b.session) || int8send(b.open) || int8send(b.high) || int8send(b.low)
        || int8send(b.close) || int8send(b.volume) || int8send(b.trading_value) || int8send(b.change));

CREATE FUNCTION market.row_digest(b market.minute_bar) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(textsend(b.stock_code) || timestamptz_send(b.at) || date_send(b.session) || int8send(b.open)
        || int8send(b.high) || int8send(b.low) || int8send(b.close) || int8send(b.volume) || int8send(b.trading_value));

-- A name is sent as the client's encoding has it, so it is converted to one that no client chooses.
CREATE FUNCTION market.row_digest(b market.price_snapshot) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(textsend(b.stock_code) || timestamptz_send(b.observed_at) || date_send(b.session)
        || int4send(octet_length(convert_to(b.stock_name, 'UTF8'))) || convert_to(b.stock_name, 'UTF8')
        || int8send(b.current_price) || int8send(b.change_price) || numeric_send(b.change_rate) || int8send(b.open_price)
        || int8send(b.high_price) || int8send(b.low_price) || int8send(b.volume) || int8send(b.trading_value)
        || coalesce('\x01'::bytea || int8send(b.market_cap), '\x00'::bytea));

CREATE FUNCTION market.row_digest(b market.order_book) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(textsend(b.stock_code) || timestamptz_send(b.observed_at) || date_send(b.session)
        || int4send(octet_length(convert_to(b.stock_name, 'UTF8'))) || convert_to(b.stock_name, 'UTF8')
        || array_send(b.bid_prices) || array_send(b.bid_volumes) || array_send(b.ask_prices) || array_send(b.ask_volumes)
        || int8send(b.total_bid_volume) || int8send(b.total_ask_volume));

DO $comments$
DECLARE
    dataset text;
BEGIN
    FOREACH dataset IN ARRAY ARRAY['daily_bar', 'minute_bar', 'price_snapshot', 'order_book'] LOOP
        EXECUTE format('COMMENT ON FUNCTION market.row_digest(market.%I) IS %L', dataset,
            'SHA-256 over the binary form of a row, version 1, without source, run_id and loaded_at.');
    END LOOP;
END
$comments$;
