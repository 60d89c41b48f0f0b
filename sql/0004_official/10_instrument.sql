-- KRX's base info does not say whether an issue is halted, managed or in liquidation: unknown is null, never false.
ALTER TABLE market.instrument ALTER COLUMN halted DROP NOT NULL, ALTER COLUMN managed DROP NOT NULL,
    ALTER COLUMN liquidation DROP NOT NULL;
ALTER TABLE market.instrument_history ALTER COLUMN halted DROP NOT NULL, ALTER COLUMN managed DROP NOT NULL,
    ALTER COLUMN liquidation DROP NOT NULL;
COMMENT ON COLUMN market.instrument.halted IS 'Whether trading is suspended (거래정지), null when unknown; source: KIS master file.';
COMMENT ON COLUMN market.instrument.managed IS 'Whether it is an administrative issue (관리종목), null when unknown; source: KIS master file.';
COMMENT ON COLUMN market.instrument.liquidation IS 'Whether it is in liquidation trading (정리매매), without price limit, null when unknown; source: KIS master file.';
COMMENT ON COLUMN market.instrument_history.halted IS 'Whether trading was suspended, null when unknown; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.managed IS 'Whether it was an administrative issue, null when unknown; source: market.instrument.';
COMMENT ON COLUMN market.instrument_history.liquidation IS 'Whether it was in liquidation trading, null when unknown; source: market.instrument.';

CREATE OR REPLACE FUNCTION market.keep_instrument_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held market.instrument_history;
    ends date;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.as_of < OLD.as_of THEN
        RAISE EXCEPTION 'instrument % as of % may not replace what is known as of %', NEW.stock_code, NEW.as_of, OLD.as_of
            USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        -- What the newer source does not say stays as it was known; a base price holds for its own session only.
        NEW.halted := coalesce(NEW.halted, OLD.halted);
        NEW.managed := coalesce(NEW.managed, OLD.managed);
        NEW.liquidation := coalesce(NEW.liquidation, OLD.liquidation);
        NEW.base_price := coalesce(NEW.base_price, CASE WHEN NEW.as_of = OLD.as_of THEN OLD.base_price END);
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
