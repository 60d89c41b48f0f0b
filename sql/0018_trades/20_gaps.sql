-- What the stream missed: the counters on the wire tell it to the share. And how its lines stand.
CREATE TABLE market.stream_gap (
    venue market.venue NOT NULL,
    stock_code market.stock_code NOT NULL,
    session market.session NOT NULL,
    volume_after bigint NOT NULL CHECK (volume_after >= 0),
    volume_until bigint NOT NULL CHECK (volume_until >= volume_after),
    missed_volume bigint NOT NULL GENERATED ALWAYS AS (volume_until - volume_after) STORED,
    missed_value bigint,
    missed_count bigint,
    kind text NOT NULL CHECK (kind IN ('start', 'jump', 'reconnect', 'auction', 'block')),
    after timestamptz,
    until timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'filled', 'unfillable')),
    filled_volume bigint NOT NULL DEFAULT 0 CHECK (filled_volume >= 0),
    unprinted_volume bigint NOT NULL DEFAULT 0 CHECK (unprinted_volume >= 0),
    open_volume bigint NOT NULL GENERATED ALWAYS AS (volume_until - volume_after - filled_volume - unprinted_volume) STORED,
    reason text,
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    source market.source NOT NULL,
    run_id bigint,
    seen_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    PRIMARY KEY (session, venue, stock_code, volume_after, until),
    CHECK (after <= until),
    CHECK (filled_volume + unprinted_volume <= volume_until - volume_after),
    CHECK ((status = 'filled') = (filled_volume + unprinted_volume = volume_until - volume_after)),
    CHECK ((status = 'open') = (settled_at IS NULL)),
    CHECK (status <> 'unfillable' OR reason IS NOT NULL)
);
COMMENT ON TABLE market.stream_gap IS 'Each jump of the counters and each reconnect of the stream: what was missed, to the share, and what became of it.';
COMMENT ON COLUMN market.stream_gap.venue IS 'Where it traded: KRX, NXT, or UNIFIED for both as one market, text; source: the feed.';
COMMENT ON COLUMN market.stream_gap.stock_code IS 'Short code (단축코드), text; source: the feed.';
COMMENT ON COLUMN market.stream_gap.session IS 'Trading day, date in Seoul; source: the first trade after it.';
COMMENT ON COLUMN market.stream_gap.volume_after IS 'Shares of the session so far with the last trade before it, 0 when there is none; source: KIS ACML_VOL.';
COMMENT ON COLUMN market.stream_gap.volume_until IS 'Shares of the session so far without the first trade after it; source: KIS ACML_VOL minus CNTG_VOL.';
COMMENT ON COLUMN market.stream_gap.missed_volume IS 'Shares that changed hands in it, 0 when the line was down and nothing traded; source: both of them.';
COMMENT ON COLUMN market.stream_gap.missed_value IS 'Won that changed hands in it, null when unknown; source: KIS ACML_TR_PBMN.';
COMMENT ON COLUMN market.stream_gap.missed_count IS 'Trades with a side in it, counted, null when unknown; source: KIS SELN_CNTG_CSNU and SHNU_CNTG_CSNU.';
COMMENT ON COLUMN market.stream_gap.kind IS 'How it came to light: start (the first trade of the session was not seen), jump, reconnect; or auction and block, when the counters of trades did not move, so that nothing was printed; source: the counters.';
COMMENT ON COLUMN market.stream_gap.after IS 'Second of the last trade before it (timestamptz), null when there is none; source: KIS STCK_CNTG_HOUR.';
COMMENT ON COLUMN market.stream_gap.until IS 'Second of the first trade after it (timestamptz); source: KIS STCK_CNTG_HOUR.';
COMMENT ON COLUMN market.stream_gap.status IS 'open (to be asked for), filled (every share of it is accounted for), unfillable; source: the load.';
COMMENT ON COLUMN market.stream_gap.filled_volume IS 'Shares of it that trades stored since account for; source: market.trade.';
COMMENT ON COLUMN market.stream_gap.unprinted_volume IS 'Shares of it that changed hands without a print: in an auction or as a block; source: the counters, or every trade of the time asked for.';
COMMENT ON COLUMN market.stream_gap.open_volume IS 'Shares of it that nothing accounts for; source: the other columns.';
COMMENT ON COLUMN market.stream_gap.reason IS 'Why nothing more can be had, a sentence, null otherwise; source: the load.';
COMMENT ON COLUMN market.stream_gap.tries IS 'How often it was asked for, counted; source: the load.';
COMMENT ON COLUMN market.stream_gap.source IS 'Whose stream it is of (market.source); source: the load.';
COMMENT ON COLUMN market.stream_gap.run_id IS 'ingest_run that wrote the row last, null for none; source: the load.';
COMMENT ON COLUMN market.stream_gap.seen_at IS 'When it was noted (timestamptz); source: the server''s clock.';
COMMENT ON COLUMN market.stream_gap.settled_at IS 'When it was filled or given up (timestamptz), null while open; source: the server''s clock.';

CREATE TABLE market.stream_heartbeat (
    host text NOT NULL,
    fingerprint text NOT NULL,
    at timestamptz NOT NULL,
    lag double precision CHECK (lag >= 0),
    queue bigint NOT NULL CHECK (queue >= 0),
    state text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fingerprint, host)
) WITH (fillfactor = 50);
COMMENT ON TABLE market.stream_heartbeat IS 'How each line of the stream stands: one row for each app key and host, written anew every five seconds.';
COMMENT ON COLUMN market.stream_heartbeat.host IS 'Host and process that hold the line, text; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.fingerprint IS 'First digits of the hash of the app key, text; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.at IS 'When it stood so (timestamptz); source: the service''s clock.';
COMMENT ON COLUMN market.stream_heartbeat.lag IS 'Seconds from receiving to committing of the slowest record since the beat before, null when there was none; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.queue IS 'Records received and not committed, counted; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.state IS 'up, connecting, waiting, standby, or why it is stopped, text; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.market_operation (
    venue market.venue NOT NULL,
    stock_code market.stock_code NOT NULL,
    observed_at timestamptz NOT NULL,
    session market.session NOT NULL,
    halted boolean NOT NULL,
    halt_reason text NOT NULL,
    phase text NOT NULL,
    expected_phase text NOT NULL,
    vi boolean NOT NULL,
    overtime_vi boolean NOT NULL,
    status text NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stock_code, observed_at, venue)
);
CREATE INDEX market_operation_session ON market.market_operation (session);
COMMENT ON TABLE market.market_operation IS 'Halts, volatility interruptions (VI) and phases of the day, as the stream told them (장운영정보).';
COMMENT ON COLUMN market.market_operation.venue IS 'Where: KRX, NXT, or UNIFIED for both as one market, text; source: the feed.';
COMMENT ON COLUMN market.market_operation.stock_code IS 'Short code (단축코드), text; source: KIS MKSC_SHRN_ISCD.';
COMMENT ON COLUMN market.market_operation.observed_at IS 'When it was received (timestamptz); source: the service''s clock.';
COMMENT ON COLUMN market.market_operation.session IS 'Date in Seoul of observed_at; source: the load.';
COMMENT ON COLUMN market.market_operation.halted IS 'Whether trading of the issue is halted (거래정지); source: KIS TRHT_YN.';
COMMENT ON COLUMN market.market_operation.halt_reason IS 'Why, text, empty for no reason; source: KIS TR_SUSP_REAS_CNTT.';
COMMENT ON COLUMN market.market_operation.phase IS 'Code of the phase (장운영 구분) as it came, text; source: KIS MKOP_CLS_CODE.';
COMMENT ON COLUMN market.market_operation.expected_phase IS 'Code of the phase of expected prices as it came, text; source: KIS ANTC_MKOP_CLS_CODE.';
COMMENT ON COLUMN market.market_operation.vi IS 'Whether a volatility interruption is on in the session; source: KIS VI_CLS_CODE.';
COMMENT ON COLUMN market.market_operation.overtime_vi IS 'Whether one is on in single-price overtime; source: KIS OVTM_VI_CLS_CODE.';
COMMENT ON COLUMN market.market_operation.status IS 'Code of the state of the issue (종목상태), text; source: KIS ISCD_STAT_CLS_CODE.';
COMMENT ON COLUMN market.market_operation.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.market_operation.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.market_operation.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.stream_watch (
    session market.session NOT NULL,
    venue market.venue NOT NULL,
    stock_code market.stock_code NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session, venue, stock_code)
);
COMMENT ON TABLE market.stream_watch IS 'Whose trades the stream was to bring on which session; what coverage expects of market.trade.';
COMMENT ON COLUMN market.stream_watch.session IS 'Trading day, date in Seoul; source: the calendar.';
COMMENT ON COLUMN market.stream_watch.venue IS 'Where: KRX, NXT, or UNIFIED for both as one market, text; source: the watch list.';
COMMENT ON COLUMN market.stream_watch.stock_code IS 'Short code (단축코드), text; source: the watch list.';
COMMENT ON COLUMN market.stream_watch.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';
GRANT SELECT ON market.stream_gap, market.stream_heartbeat, market.market_operation, market.stream_watch
    TO market_reader, market_loader;
GRANT INSERT, UPDATE ON market.stream_gap, market.stream_heartbeat TO market_loader;
GRANT INSERT ON market.market_operation, market.stream_watch TO market_loader;
