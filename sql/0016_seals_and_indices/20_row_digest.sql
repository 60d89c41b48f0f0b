-- The binary form of a row, version 1 (docs/explanation/seals.md): the columns that a record says, in the order of its
-- declaration, a column that may be null preceded by whether it is there.
CREATE FUNCTION market.row_digest(b market.index_bar) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(int4send(octet_length(convert_to(b.family, 'UTF8'))) || convert_to(b.family, 'UTF8')
        || int4send(octet_length(convert_to(b.name, 'UTF8'))) || convert_to(b.name, 'UTF8') || date_send(b.session)
        || coalesce('\x01'::bytea || numeric_send(b.open), '\x00'::bytea)
        || coalesce('\x01'::bytea || numeric_send(b.high), '\x00'::bytea)
        || coalesce('\x01'::bytea || numeric_send(b.low), '\x00'::bytea) || numeric_send(b.close)
        || coalesce('\x01'::bytea || numeric_send(b.change), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.volume), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.trading_value), '\x00'::bytea)
        || coalesce('\x01'::bytea || int8send(b.market_cap), '\x00'::bytea));

CREATE FUNCTION market.row_digest(b market.index_snapshot) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(int4send(octet_length(convert_to(b.family, 'UTF8'))) || convert_to(b.family, 'UTF8')
        || int4send(octet_length(convert_to(b.name, 'UTF8'))) || convert_to(b.name, 'UTF8')
        || timestamptz_send(b.observed_at) || date_send(b.session) || numeric_send(b.level) || numeric_send(b.change)
        || coalesce('\x01'::bytea || numeric_send(b.open), '\x00'::bytea)
        || coalesce('\x01'::bytea || numeric_send(b.high), '\x00'::bytea)
        || coalesce('\x01'::bytea || numeric_send(b.low), '\x00'::bytea)
        || int8send(b.volume) || int8send(b.trading_value));

DO $flows$
DECLARE
    amounts text;
BEGIN
    SELECT string_agg(format(CASE WHEN k.place <= 3 THEN 'int8send(b.%1$I)'
            ELSE $$coalesce('\x01'::bytea || int8send(b.%1$I), '\x00'::bytea)$$ END, k.kind || '_' || a.amount),
            ' || ' ORDER BY k.place, a.place)
        INTO amounts
        FROM unnest(ARRAY['individual', 'foreign', 'institution', 'securities', 'trust', 'private_fund', 'bank',
            'insurance', 'merchant_bank', 'pension', 'other_group', 'other_corporation'])
            WITH ORDINALITY AS k (kind, place),
        unnest(ARRAY['bought_volume', 'sold_volume', 'bought_value', 'sold_value'])
            WITH ORDINALITY AS a (amount, place);
    EXECUTE format($$
CREATE FUNCTION market.row_digest(b market.investor_flow) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(textsend(b.stock_code) || date_send(b.session)
        || coalesce('\x01'::bytea || int8send(b.volume), '\x00'::bytea) || %s)$$, amounts);
END
$flows$;
