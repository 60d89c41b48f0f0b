-- What is listed, since when, and on which days the market opens.
CREATE TABLE market.instrument (
    stock_code market.stock_code PRIMARY KEY,
    isin text NOT NULL CHECK (isin ~ '^[A-Z]{2}[0-9A-Z]{9}[0-9]$'),
    name text NOT NULL CHECK (btrim(name) <> ''),
    market text NOT NULL CHECK (market IN ('KOSPI', 'KOSDAQ', 'KONEX')),
    security_group text NOT NULL,
    as_of market.session NOT NULL,
    listed_on date,
    listed_shares bigint CHECK (listed_shares >= 0),
    face_value numeric CHECK (face_value >= 0 AND face_value < 'Infinity'),
    base_price bigint CHECK (base_price >= 0),
    halted boolean NOT NULL,
    managed boolean NOT NULL,
    liquidation boolean NOT NULL,
    preferred boolean NOT NULL,
    delisted_on date,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE market.instrument IS 'Every issue ever seen, as it stood when last listed.';
COMMENT ON COLUMN market.instrument.stock_code IS 'Short code (단축코드), text; source: KIS master file, KRX base info.';
COMMENT ON COLUMN market.instrument.isin IS 'ISO 6166 code (표준코드), text; source: KIS master file, KRX base info.';
COMMENT ON COLUMN market.instrument.name IS 'Abbreviated Korean name (한글 종목약명), text; source: KIS master file, KRX base info.';
COMMENT ON COLUMN market.instrument.market IS 'Board: KOSPI, KOSDAQ or KONEX; source: which master file lists it.';
COMMENT ON COLUMN market.instrument.security_group IS 'Group code (증권그룹구분): ST stock, EF ETF, EN ETN, RT REIT, ...; source: KIS master file.';
COMMENT ON COLUMN market.instrument.as_of IS 'The session (date in Seoul) whose list says this; source: the load.';
COMMENT ON COLUMN market.instrument.listed_on IS 'First day listed (상장일), date in Seoul, null when unknown; source: KIS master file, KRX base info.';
COMMENT ON COLUMN market.instrument.listed_shares IS 'Shares listed (상장주수), null when unknown; source: KIS master file, KRX base info.';
COMMENT ON COLUMN market.instrument.face_value IS 'Par value (액면가), won or the issuer''s currency, null without par; source: KIS master file.';
COMMENT ON COLUMN market.instrument.base_price IS 'Base price of the session as_of (기준가), won; source: KIS master file.';
COMMENT ON COLUMN market.instrument.halted IS 'Whether trading is suspended (거래정지); source: KIS master file.';
COMMENT ON COLUMN market.instrument.managed IS 'Whether it is an administrative issue (관리종목); source: KIS master file.';
COMMENT ON COLUMN market.instrument.liquidation IS 'Whether it is in liquidation trading (정리매매), without price limit; source: KIS master file.';
COMMENT ON COLUMN market.instrument.preferred IS 'Whether it is a preferred share (우선주); source: KIS master file.';
COMMENT ON COLUMN market.instrument.delisted_on IS 'First session whose list lacks it, date in Seoul, null while listed; source: complete lists loaded.';
COMMENT ON COLUMN market.instrument.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.instrument.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.instrument.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';

CREATE TABLE market.instrument_history (
    stock_code market.stock_code NOT NULL,
    valid_from market.session NOT NULL,
    valid_to date,
    isin text NOT NULL,
    name text NOT NULL,
    market text NOT NULL,
    security_group text NOT NULL,
    listed_on date,
    listed_shares bigint,
    face_value numeric,
    halted boolean NOT NULL,
    managed boolean NOT NULL,
    liquidation boolean NOT NULL,
    preferred boolean NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (stock_code, valid_from),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX instrument_history_open ON market.instrument_history (stock_code) WHERE valid_to IS NULL;
COMMENT ON TABLE market.instrument_history IS 'What held for an issue from when to when; kept by a trigger on market.instrument.';
COMMENT ON COLUMN market.instrument_history.stock_code IS 'Short code (단축코드), text; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.valid_from IS 'First session known to read so, date in Seoul, included; source: instrument.as_of.';
COMMENT ON COLUMN market.instrument_history.valid_to IS 'First session that reads otherwise, date in Seoul, excluded, null while it holds; source: instrument.as_of.';
COMMENT ON COLUMN market.instrument_history.isin IS 'ISO 6166 code (표준코드), text; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.name IS 'Abbreviated Korean name, text; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.market IS 'Board: KOSPI, KOSDAQ or KONEX; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.security_group IS 'Group code (증권그룹구분); source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.listed_on IS 'First day listed, date in Seoul; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.listed_shares IS 'Shares listed; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.face_value IS 'Par value, won or the issuer''s currency; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.halted IS 'Whether trading was suspended; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.managed IS 'Whether it was an administrative issue; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.liquidation IS 'Whether it was in liquidation trading; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.preferred IS 'Whether it was a preferred share; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.instrument_history.run_id IS 'ingest_run that first said so, null for none; source: the load.';
COMMENT ON COLUMN market.instrument_history.loaded_at IS 'When it was first said (timestamptz); source: the server''s clock.';

CREATE FUNCTION market.keep_instrument_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held market.instrument_history;
    ends date;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.as_of < OLD.as_of THEN
        RAISE EXCEPTION 'instrument % as of % may not replace what is known as of %', NEW.stock_code, NEW.as_of, OLD.as_of
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.delisted_on <= NEW.as_of THEN
        NEW.delisted_on := NULL;  -- listed again
    END IF;
    SELECT * INTO held FROM market.instrument_history h WHERE h.stock_code = NEW.stock_code AND h.valid_to IS NULL;
    IF held.stock_code IS NOT NULL AND NEW.delisted_on IS NULL
        AND (held.isin, held.name, held.market, held.security_group, held.listed_on, held.listed_shares,
             held.face_value, held.halted, held.managed, held.liquidation, held.preferred)
        IS NOT DISTINCT FROM
            (NEW.isin, NEW.name, NEW.market, NEW.security_group, NEW.listed_on, NEW.listed_shares,
             NEW.face_value, NEW.halted, NEW.managed, NEW.liquidation, NEW.preferred) THEN
        RETURN NEW;
    END IF;
    ends := coalesce(NEW.delisted_on, NEW.as_of);
    DELETE FROM market.instrument_history h
        WHERE h.stock_code = NEW.stock_code AND h.valid_to IS NULL AND h.valid_from >= ends;
    UPDATE market.instrument_history h SET valid_to = ends
        WHERE h.stock_code = NEW.stock_code AND h.valid_to IS NULL;
    IF NEW.delisted_on IS NULL THEN
        INSERT INTO market.instrument_history VALUES (
            NEW.stock_code, NEW.as_of, NULL, NEW.isin, NEW.name, NEW.market, NEW.security_group, NEW.listed_on,
            NEW.listed_shares, NEW.face_value, NEW.halted, NEW.managed, NEW.liquidation, NEW.preferred,
            NEW.source, NEW.run_id, NEW.loaded_at);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION market.keep_instrument_history() IS 'Closes and opens validity ranges when an issue changes, leaves the list or comes back.';
CREATE TRIGGER keep_history BEFORE INSERT OR UPDATE ON market.instrument
    FOR EACH ROW EXECUTE FUNCTION market.keep_instrument_history();

CREATE TABLE market.trading_session (
    day market.session PRIMARY KEY,
    is_open boolean NOT NULL,
    source market.source NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE market.trading_session IS 'Calendar days and whether the stock market opens on them.';
COMMENT ON COLUMN market.trading_session.day IS 'Calendar day, date in Seoul; source: KIS chk-holiday.';
COMMENT ON COLUMN market.trading_session.is_open IS 'Whether the market opens (개장일여부); source: KIS chk-holiday.';
COMMENT ON COLUMN market.trading_session.source IS 'Where the row came from (market.source); source: the load.';
COMMENT ON COLUMN market.trading_session.run_id IS 'ingest_run that wrote the row, null for none; source: the load.';
COMMENT ON COLUMN market.trading_session.loaded_at IS 'When the row was written (timestamptz); source: the server''s clock.';
