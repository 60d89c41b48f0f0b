-- As before: the loader writes rows, the reader reads.
REVOKE ALL ON FUNCTION market.keep_deleted(), market.daily_bar_as_of(timestamptz), market.times(numeric, numeric),
    market.product(numeric) FROM PUBLIC;
GRANT SELECT ON market.daily_bar_adjusted TO market_reader, market_loader;
GRANT EXECUTE ON FUNCTION market.daily_bar_as_of(timestamptz), market.times(numeric, numeric), market.product(numeric)
    TO market_reader, market_loader;
