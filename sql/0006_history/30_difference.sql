-- Where the two voices contradict each other; neither is lost, and which one is believed is a rule (see the docs).
CREATE VIEW market.instrument_difference AS
SELECT e.stock_code, d.field, d.exchange, d.broker,
    greatest(e.first_told, b.first_told)::date AS first, least(e.last_told, b.last_told)::date AS last
FROM market.instrument_report e
JOIN market.instrument_report b ON b.voice = 'broker' AND b.stock_code = e.stock_code
    AND b.first_told <= e.last_told AND e.first_told <= b.last_told
CROSS JOIN LATERAL (VALUES
    ('isin', e.isin, b.isin), ('name', e.name, b.name), ('market', e.market, b.market),
    ('security_group', e.security_group, b.security_group), ('listed_on', e.listed_on::text, b.listed_on::text),
    ('listed_shares', e.listed_shares::text, b.listed_shares::text),
    ('face_value', trim_scale(e.face_value)::text, trim_scale(b.face_value)::text),
    ('preferred', e.preferred::text, b.preferred::text)) AS d (field, exchange, broker)
WHERE e.voice = 'exchange' AND d.exchange <> d.broker
UNION ALL
SELECT r.stock_code, 'listed', (r.voice = 'exchange')::text, (r.voice = 'broker')::text, l.session::date, l.session::date
FROM market.instrument_list l
JOIN market.instrument_list o ON o.session = l.session AND o.voice <> l.voice AND o.complete
JOIN market.instrument_report r ON r.voice = l.voice AND l.session BETWEEN r.first_told AND r.last_told
WHERE l.complete AND NOT EXISTS (
        SELECT FROM market.instrument_report x
        WHERE x.stock_code = r.stock_code AND x.voice = o.voice AND l.session BETWEEN x.first_told AND x.last_told)
    -- The exchange's base info never has funds; that it lacks what it never had is no difference.
    AND (o.voice = 'broker' OR EXISTS (
        SELECT FROM market.instrument_report y WHERE y.stock_code = r.stock_code AND y.voice = 'exchange'));
COMMENT ON VIEW market.instrument_difference IS 'Fields of which the exchange and the brokers said different things of the same sessions; what one of them does not say is no difference.';
COMMENT ON COLUMN market.instrument_difference.stock_code IS 'Short code (단축코드), text; source: market.instrument_report.';
COMMENT ON COLUMN market.instrument_difference.field IS 'Column of market.instrument_report, or listed when only one of two complete lists has the issue, text; source: the comparison.';
COMMENT ON COLUMN market.instrument_difference.exchange IS 'What the exchange said, as text, units as in market.instrument; source: KRX base info.';
COMMENT ON COLUMN market.instrument_difference.broker IS 'What the brokers said, as text, units as in market.instrument; source: KIS master file.';
COMMENT ON COLUMN market.instrument_difference.first IS 'First session of which both told so, date in Seoul, included; source: market.instrument_report.';
COMMENT ON COLUMN market.instrument_difference.last IS 'Last session of which both told so, date in Seoul, included; source: market.instrument_report.';
