-- As in the first migration: the loader writes rows, the reader reads.
REVOKE ALL ON FUNCTION market.forget_loaded_day(), market.coverage_cells(date, date) FROM PUBLIC;
GRANT SELECT ON market.calendar_session, market.loaded_day, market.coverage_start, market.final_session,
    market.expected_range, market.coverage_cell, market.coverage TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.loaded_day, market.coverage_start TO market_loader;
GRANT INSERT, DELETE ON market.calendar_session TO market_loader;
GRANT EXECUTE ON FUNCTION market.coverage_cells(date, date) TO market_reader, market_loader;
