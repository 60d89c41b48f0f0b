-- A move from KONEX to KOSDAQ (이전상장) splits no share: its first day may count from an offer price, and nothing is
-- adjusted for that. Where no list of before is known, a listing day on KOSDAQ after a bar of its neighbour tells of it.
WITH told AS (
    SELECT stock_code, valid_from, listed_on, market, isin, lag(market) OVER code AS left_board,
        lag(isin) OVER code AS former_isin, lag(valid_from) OVER code AS former_from, lag(valid_to) OVER code AS former_to
    FROM market.instrument_history WINDOW code AS (PARTITION BY stock_code ORDER BY valid_from)
), offer AS (
    SELECT stock_code, CASE WHEN listed_on > former_from AND listed_on <= valid_from THEN listed_on ELSE valid_from END AS session
    FROM told WHERE left_board = 'KONEX' AND market <> 'KONEX' AND former_to = valid_from AND former_isin = isin
    UNION SELECT l.stock_code, l.listed_from FROM market.listing l
    CROSS JOIN LATERAL (SELECT market FROM market.instrument_history h
        WHERE h.stock_code = l.stock_code AND h.valid_from >= l.listed_from ORDER BY h.valid_from LIMIT 1) h
    WHERE h.market = 'KOSDAQ'
), gone AS (
    DELETE FROM market.price_adjustment a USING offer o
    WHERE a.kind = 'action' AND o.stock_code = a.stock_code AND o.session = a.session RETURNING 1
)
INSERT INTO market.migration_report (what, rows)
SELECT 'price adjustments removed, because a move to another board splits no share', count(*) FROM gone;
