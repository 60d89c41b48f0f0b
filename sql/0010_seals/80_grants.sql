-- The loader writes seals through the triggers and no other way; whoever reads may prove them.
DO $grants$
DECLARE
    dataset text;
BEGIN
    FOREACH dataset IN ARRAY ARRAY['daily_bar', 'minute_bar', 'price_snapshot', 'order_book'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION market.%1$I(), market.row_digest(market.%2$I), market.%3$I(date, date) FROM PUBLIC',
            'keep_' || dataset || '_seal', dataset, dataset || '_digests');
        EXECUTE format('GRANT EXECUTE ON FUNCTION market.row_digest(market.%I), market.%I(date, date) TO market_reader, market_loader',
            dataset, dataset || '_digests');
    END LOOP;
END
$grants$;
REVOKE ALL ON FUNCTION market.seal_again(text, date, date) FROM PUBLIC;
GRANT SELECT ON market.seal TO market_reader, market_loader;
