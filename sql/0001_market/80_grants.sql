-- The loader writes rows, the reader reads; neither changes a table. Partitions are reached through their parents.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA market FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA market FROM PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA market TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.instrument, market.trading_session, market.daily_bar, market.minute_bar,
    market.price_snapshot, market.order_book, market.trade, market.ingest_run TO market_loader;
GRANT INSERT, UPDATE, DELETE ON market.price_adjustment, market.no_data, market.rejected_row TO market_loader;
GRANT EXECUTE ON FUNCTION market.is_made_up(text), market.source_rank(text), market.final_at(date), market.rises(bigint[]),
    market.falls(bigint[]), market.candle(bigint, bigint, bigint, bigint, bigint, bigint), market.holds_rows()
    TO market_reader, market_loader;
GRANT EXECUTE ON FUNCTION market.ensure_partitions(text, date, date), market.admit_source(market.source) TO market_loader;
