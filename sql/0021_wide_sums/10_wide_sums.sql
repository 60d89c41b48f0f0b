-- From Postgres 18 on up to eight bytes can be cast to a number, unsigned when they are fewer than eight. A session's digest
-- is then put together out of five sums and not 32; it is the same number (docs/decisions/seals.md). Older servers keep what
-- they have, and a server that is upgraded later does too.
DO $sums$
DECLARE
    bytes constant text := (
        SELECT string_agg(format('sum(get_byte(q.sha, %s)) * %s::numeric', byte, trunc(256::numeric ^ (31 - byte))), ' + ' ORDER BY byte)
        FROM generate_series(0, 31) byte);
    parts constant text := (
        SELECT string_agg(format('sum(substr(q.sha, %s, %s)::bigint) * %s::numeric', start + 1, least(7, 32 - start),
            trunc(256::numeric ^ greatest(25 - start, 0))), ' + ' ORDER BY start)
        FROM generate_series(0, 28, 7) start);
    one record;
    changed integer := 0;
BEGIN
    IF current_setting('server_version_num')::integer < 180000 THEN
        RETURN;
    END IF;
    FOR one IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'market'::regnamespace AND p.prokind = 'f' AND position(bytes IN p.prosrc) > 0
        ORDER BY p.proname
    LOOP
        EXECUTE replace(pg_get_functiondef(one.oid), bytes, parts);
        changed := changed + 1;
    END LOOP;
    IF changed = 0 THEN
        RAISE EXCEPTION 'no function of the seals sums bytes';
    END IF;
END
$sums$;
