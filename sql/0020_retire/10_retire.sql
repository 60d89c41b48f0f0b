-- Books of a live stream can pass 10 GB a day, so what it fills has to go by itself. The loader may let go what is listed here
-- and nothing else, never the present month or the one before it, and only as it was sealed: market.drop_month proves it.
CREATE FUNCTION market.retire_month(
    dataset text, month date, to_file text DEFAULT NULL, file_rows bigint DEFAULT NULL, file_digest numeric DEFAULT NULL
) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF dataset IS NULL OR dataset NOT IN ('order_book', 'trade') THEN
        RAISE EXCEPTION 'months of % are let go by the owner only', dataset USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF month IS NULL OR month + interval '2 months' > (market.now() AT TIME ZONE 'Asia/Seoul')::date THEN
        RAISE EXCEPTION '% of % is not older than the month before this one', dataset, to_char(month, 'YYYY-MM')
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN market.drop_month(dataset, month, to_file, file_rows, file_digest);
END
$$;
COMMENT ON FUNCTION market.retire_month(text, date, text, bigint, numeric) IS
    'market.drop_month for the loader: of trades and order books alone, and of no month that is younger than two. Raises SQLSTATE 42501 for any other.';
REVOKE ALL ON FUNCTION market.retire_month(text, date, text, bigint, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.retire_month(text, date, text, bigint, numeric) TO market_loader;
