-- Views that are computed from stored bars; raw prices, like the bars.
CREATE VIEW market.weekly_bar AS
SELECT stock_code,
    date_trunc('week', session)::date AS week,
    max(session)::date AS session,
    coalesce((array_agg(open ORDER BY session) FILTER (WHERE open > 0))[1], 0) AS open,
    max(high) AS high,
    coalesce(min(low) FILTER (WHERE low > 0), 0) AS low,
    (array_agg(close ORDER BY session DESC))[1] AS close,
    sum(volume)::bigint AS volume,
    sum(trading_value)::bigint AS trading_value,
    count(*) AS sessions,
    (array_agg(source::text ORDER BY market.source_rank(source)))[1] AS source,
    max(loaded_at) AS loaded_at
FROM market.daily_bar
GROUP BY stock_code, date_trunc('week', session)::date;
COMMENT ON VIEW market.weekly_bar IS 'Bars of a calendar week (Monday to Sunday) from market.daily_bar, raw prices: a split inside the week is not bridged.';

CREATE VIEW market.monthly_bar AS
SELECT stock_code,
    date_trunc('month', session)::date AS month,
    max(session)::date AS session,
    coalesce((array_agg(open ORDER BY session) FILTER (WHERE open > 0))[1], 0) AS open,
    max(high) AS high,
    coalesce(min(low) FILTER (WHERE low > 0), 0) AS low,
    (array_agg(close ORDER BY session DESC))[1] AS close,
    sum(volume)::bigint AS volume,
    sum(trading_value)::bigint AS trading_value,
    count(*) AS sessions,
    (array_agg(source::text ORDER BY market.source_rank(source)))[1] AS source,
    max(loaded_at) AS loaded_at
FROM market.daily_bar
GROUP BY stock_code, date_trunc('month', session)::date;
COMMENT ON VIEW market.monthly_bar IS 'Bars of a calendar month from market.daily_bar, raw prices: a split inside the month is not bridged.';

CREATE VIEW market.minute_bar_5 AS
SELECT stock_code,
    date_bin('5 minutes', at, TIMESTAMPTZ '2000-01-01 00:00:00+09') AS at,
    session,
    (array_agg(open ORDER BY minute_bar.at))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY minute_bar.at DESC))[1] AS close,
    sum(volume)::bigint AS volume,
    sum(trading_value)::bigint AS trading_value,
    count(*) AS minutes,
    (array_agg(source::text ORDER BY market.source_rank(source)))[1] AS source,
    max(loaded_at) AS loaded_at
FROM market.minute_bar
GROUP BY stock_code, session, date_bin('5 minutes', at, TIMESTAMPTZ '2000-01-01 00:00:00+09');
COMMENT ON VIEW market.minute_bar_5 IS 'Five-minute bars (09:00, 09:05, ...) from market.minute_bar; spans without a trade have no row.';

CREATE VIEW market.minute_bar_30 AS
SELECT stock_code,
    date_bin('30 minutes', at, TIMESTAMPTZ '2000-01-01 00:00:00+09') AS at,
    session,
    (array_agg(open ORDER BY minute_bar.at))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY minute_bar.at DESC))[1] AS close,
    sum(volume)::bigint AS volume,
    sum(trading_value)::bigint AS trading_value,
    count(*) AS minutes,
    (array_agg(source::text ORDER BY market.source_rank(source)))[1] AS source,
    max(loaded_at) AS loaded_at
FROM market.minute_bar
GROUP BY stock_code, session, date_bin('30 minutes', at, TIMESTAMPTZ '2000-01-01 00:00:00+09');
COMMENT ON VIEW market.minute_bar_30 IS 'Thirty-minute bars (09:00, 09:30, ...) from market.minute_bar; spans without a trade have no row.';

CREATE VIEW market.coverage_cell AS
SELECT 'daily_bar'::text AS dataset, s.day AS session, i.stock_code,
    CASE WHEN b.stock_code IS NOT NULL THEN 'loaded' WHEN n.stock_code IS NOT NULL THEN 'known_empty' ELSE 'missing' END AS state
FROM market.trading_session s
JOIN market.instrument i
    ON coalesce(i.listed_on, (SELECT min(h.valid_from) FROM market.instrument_history h WHERE h.stock_code = i.stock_code)) <= s.day
    AND (i.delisted_on IS NULL OR s.day < i.delisted_on)
LEFT JOIN market.daily_bar b ON b.stock_code = i.stock_code AND b.session = s.day
LEFT JOIN market.no_data n ON n.dataset = 'daily_bar' AND n.stock_code = i.stock_code AND n.session = s.day
WHERE s.is_open AND market.final_at(s.day) <= now();
COMMENT ON VIEW market.coverage_cell IS 'Every daily bar that must exist, and whether it does: final sessions x issues listed on them.';
COMMENT ON COLUMN market.coverage_cell.dataset IS 'Table the cell belongs to, text; source: this view.';
COMMENT ON COLUMN market.coverage_cell.session IS 'Trading day, date in Seoul; source: market.trading_session.';
COMMENT ON COLUMN market.coverage_cell.stock_code IS 'Short code (단축코드), text; source: market.instrument.';
COMMENT ON COLUMN market.coverage_cell.state IS 'loaded, known_empty (see market.no_data) or missing; source: this view.';

CREATE VIEW market.coverage AS
SELECT dataset, session,
    count(*) AS expected,
    count(*) FILTER (WHERE state = 'loaded') AS loaded,
    count(*) FILTER (WHERE state = 'known_empty') AS known_empty,
    count(*) FILTER (WHERE state = 'missing') AS missing
FROM market.coverage_cell
GROUP BY dataset, session;
COMMENT ON VIEW market.coverage IS 'Rows that must exist against rows that do, for each final session.';
COMMENT ON COLUMN market.coverage.dataset IS 'Table, text; source: market.coverage_cell.';
COMMENT ON COLUMN market.coverage.session IS 'Trading day, date in Seoul; source: market.trading_session.';
COMMENT ON COLUMN market.coverage.expected IS 'Issues listed on the session, rows; source: market.instrument.';
COMMENT ON COLUMN market.coverage.loaded IS 'Rows stored; source: market.daily_bar.';
COMMENT ON COLUMN market.coverage.known_empty IS 'Rows that truly do not exist; source: market.no_data.';
COMMENT ON COLUMN market.coverage.missing IS 'Rows still to be loaded: expected - loaded - known_empty; source: this view.';

DO $comments$
DECLARE
    bar text;
    word record;
BEGIN
    FOREACH bar IN ARRAY ARRAY['weekly_bar', 'monthly_bar', 'minute_bar_5', 'minute_bar_30'] LOOP
        FOR word IN SELECT * FROM (VALUES
            ('stock_code', 'Short code (단축코드), text; source: the stored bars.'),
            ('week', 'Monday of the week, date in Seoul; source: session.'),
            ('month', 'First day of the month, date in Seoul; source: session.'),
            ('at', 'Start of the span (timestamptz); source: market.minute_bar.at.'),
            ('session', 'Trading day, of longer spans the last one, date in Seoul; source: the stored bars.'),
            ('open', 'First price traded, won; 0 when nothing traded; source: the stored bars.'),
            ('high', 'Highest price, won; 0 when nothing traded; source: the stored bars.'),
            ('low', 'Lowest price traded, won; 0 when nothing traded; source: the stored bars.'),
            ('close', 'Last price, won; source: the stored bars.'),
            ('volume', 'Shares traded; source: the stored bars, summed.'),
            ('trading_value', 'Value traded, won; source: the stored bars, summed.'),
            ('sessions', 'Daily bars in the span; source: counted.'),
            ('minutes', 'Minute bars in the span; source: counted.'),
            ('source', 'Lowest-ranking source among the bars (market.source); source: the stored bars.'),
            ('loaded_at', 'When the newest of the bars was written (timestamptz); source: the stored bars.')
        ) AS words (name, meaning) LOOP
            IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = format('market.%I', bar)::regclass AND attname = word.name) THEN
                EXECUTE format('COMMENT ON COLUMN market.%I.%I IS %L', bar, word.name, word.meaning);
            END IF;
        END LOOP;
    END LOOP;
END
$comments$;
