-- Live books of several venues stand beside the books that were asked for, which are all of KRX. A book of KRX keeps the
-- binary form that it had, so that every seal stays right: only another venue is written into it.
-- Text and not the domain, with which every partition would be written anew.
ALTER TABLE market.order_book ADD COLUMN venue text COLLATE "C" NOT NULL DEFAULT 'KRX';
ALTER TABLE market.order_book ADD CONSTRAINT known_venue CHECK (venue IN ('KRX', 'NXT', 'UNIFIED'));
COMMENT ON COLUMN market.order_book.venue IS 'Whose book it is: KRX, NXT, or UNIFIED for both as one market, text; source: the call or the feed.';
COMMENT ON COLUMN market.order_book.observed_at IS 'When the server answered, or a live book was received (timestamptz); source: KIS, HTTP Date, the service''s clock.';
COMMENT ON COLUMN market.order_book.stock_name IS 'Name of the issue, text, empty for a live book; source: KIS master file.';
ALTER TABLE market.order_book DROP CONSTRAINT order_book_pkey;
ALTER TABLE market.order_book ADD PRIMARY KEY (stock_code, observed_at, session, venue);

CREATE OR REPLACE FUNCTION market.row_digest(b market.order_book) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(textsend(b.stock_code) || timestamptz_send(b.observed_at) || date_send(b.session)
        || CASE WHEN b.venue = 'KRX' THEN ''::bytea
            ELSE int4send(octet_length(b.venue)) || textsend(b.venue) END
        || int4send(octet_length(convert_to(b.stock_name, 'UTF8'))) || convert_to(b.stock_name, 'UTF8')
        || array_send(b.bid_prices) || array_send(b.bid_volumes) || array_send(b.ask_prices) || array_send(b.ask_volumes)
        || int8send(b.total_bid_volume) || int8send(b.total_ask_volume));
