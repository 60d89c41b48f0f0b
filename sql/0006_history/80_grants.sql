-- As in the first migration: the loader writes rows, the reader reads; the history is written through its function only.
REVOKE ALL ON FUNCTION market.replace_instrument_history(text[], jsonb) FROM PUBLIC;
GRANT SELECT ON market.instrument_list, market.instrument_report, market.earlier_listing, market.listing,
    market.expected_range, market.instrument_difference TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.instrument_list TO market_loader;
GRANT INSERT, UPDATE, DELETE ON market.instrument_report, market.earlier_listing TO market_loader;
GRANT EXECUTE ON FUNCTION market.replace_instrument_history(text[], jsonb) TO market_loader;
