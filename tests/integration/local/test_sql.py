"""`data-pipeline sql`: what it answers, and what it does not let a statement do, whoever wrote it."""

import json
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from data_pipeline.cli import main

STATE = """
SELECT (SELECT array_agg(a::text ORDER BY rolname) FROM pg_authid AS a),
       (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_largeobject_metadata),
       (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_db_role_setting), (SELECT count(*) FROM pg_roles),
       (SELECT (last_value, is_called)::text FROM public.counter), (SELECT array_agg(n) FROM public.notes),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
       (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'idle')
"""
# The reader may write to `counter` and `notes`, so that the transaction is what stands in the way.
HELD = """
CREATE EXTENSION dblink;
CREATE SEQUENCE public.counter;
CREATE TABLE public.notes AS SELECT 1 AS n;
GRANT ALL ON public.counter, public.notes TO market_reader;
"""

HOSTILE = [
    "DELETE FROM public.notes",
    "DELETE FROM public.notes RETURNING n",
    "INSERT INTO public.notes VALUES (2) RETURNING n",
    "UPDATE public.notes SET n = 2",
    "TRUNCATE public.notes",
    "DROP TABLE public.notes",
    "CREATE TABLE public.mine (n int)",
    "CREATE TEMP TABLE mine (n int)",
    "SELECT 1 AS n INTO public.mine",
    "WITH gone AS (DELETE FROM public.notes RETURNING n) SELECT * FROM gone",
    "SELECT * FROM public.notes FOR UPDATE",
    "EXPLAIN ANALYZE DELETE FROM public.notes",
    "EXPLAIN ANALYZE CREATE TABLE public.mine AS SELECT 1",
    "SELECT 1; DELETE FROM public.notes",
    "SELECT 1; COMMIT; DELETE FROM public.notes",
    "COMMIT; ALTER ROLE market_reader PASSWORD 'mine'",
    "ROLLBACK; BEGIN READ WRITE; DELETE FROM public.notes; COMMIT",
    "ALTER ROLE market_reader PASSWORD 'mine'",
    "ALTER ROLE market_reader SET statement_timeout = 0",
    "SET TRANSACTION READ WRITE",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SET ROLE market_owner",
    "RESET ROLE",
    "SET SESSION AUTHORIZATION market_owner",
    "SELECT set_config('role', 'market_owner', false), (SELECT count(*) FROM public.notes)",
    "SELECT set_config('session_authorization', 'market_owner', false)",
    "COPY public.notes TO PROGRAM 'touch {file}'",
    "COPY public.notes TO '{file}'",
    "COPY public.notes FROM STDIN",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT * FROM pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '{file}')",
    "SELECT lo_create(4711)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT nextval('public.counter')",
    "SELECT setval('public.counter', 7)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT pg_stat_reset()",
    "SELECT * FROM dblink('dbname=market user=market_owner', 'SELECT 1') AS t (n int)",
    "SELECT dblink_connect_u('dbname=market user=postgres')",
    "SELECT query_to_xml('DELETE FROM public.notes RETURNING n', true, true, '')",
    "DO $$ BEGIN DELETE FROM public.notes; END $$",
    "CALL market.nothing()",
    "PREPARE p AS DELETE FROM public.notes",
    "EXECUTE p",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "LISTEN market",
    "NOTIFY market",
    "LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE",
    "VACUUM",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION plperl",
    "LOAD 'dblink'",
    "GRANT market_owner TO market_reader",
    "SELECT passwd FROM pg_shadow",
    "",
    "-- nothing",
]
ENDS_WITH_IT = [
    "SELECT pg_advisory_lock(hashtext('market.migrate'))",
    "SELECT set_config('search_path', 'public', false)",
    "SELECT set_config('role', 'none', false)",
    "SELECT pg_notify('market', 'x')",
]
"""Nothing to refuse: its effect ends with the session, which ends with the statement."""


@pytest.fixture(scope="module")
def prey(shared):
    """A database with something to spoil, sessions of the owner and the loader that could be ended, and its state."""
    with closing(psycopg2.connect(shared.server.url(shared.name, "admin"))) as admin:
        admin.autocommit = True
        cursor = admin.cursor()
        cursor.execute(HELD)
        victims = [psycopg2.connect(shared.url(role), application_name="victim") for role in ("owner", "loader")]

        def state():
            gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'data-pipeline sql'"
            for _ in range(100_000):  # the server needs a moment to see that a client has left
                cursor.execute(gone)
                if cursor.fetchone() == (0,):
                    break
            cursor.execute(STATE)
            return cursor.fetchone()

        yield state
        for victim in victims:
            victim.close()


@pytest.fixture
def ask(monkeypatch, capsys):
    """The command with these settings; returns its exit code and what it wrote."""

    def run(statement, *options, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        code = main(["sql", *options, statement])
        written = "".join(capsys.readouterr())
        return code, " ".join("".join(sign for sign in written if sign not in "┏━┳┓┃┡╇┩│└─┴┘").split())

    return run


def test_the_state_sees_what_a_statement_does(shared, prey):
    """The check of the tests below is no blind one: an owner's harmless change shows."""
    before = prey()
    with closing(psycopg2.connect(shared.url("owner"))) as owner:
        owner.cursor().execute("SELECT pg_advisory_lock(1)")
        assert prey() != before


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_hostile_statement_is_refused(shared, prey, ask, statement):
    """Exit code 2, one sentence, nothing changed: no row, role, file, sequence, large object, session or lock."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o777)
    before = prey()
    code, said = ask(statement.format(file=folder / "file"), MARKET_DB_URL=shared.url("reader"))
    assert (code, prey()) == (2, before), said
    assert "Traceback" not in said
    folder.rmdir()


@pytest.mark.parametrize("statement", ENDS_WITH_IT)
def test_what_a_session_does_ends_with_the_statement(shared, prey, ask, statement):
    """Locks, settings and roles of the session are gone when the answer is there."""
    before = prey()
    assert ask(statement, MARKET_DB_URL=shared.url("reader"))[0] == 0
    assert prey() == before


@pytest.mark.thorough
@pytest.mark.parametrize("role", ["owner", "loader", "admin"])
@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT pg_read_file('/etc/passwd')", *HOSTILE[:2], HOSTILE[15]])
def test_a_login_that_may_do_more_is_refused(shared, prey, ask, role, statement):
    """Nothing of the statement runs, for it could take the rights back; the message says the way out."""
    before = prey()
    code, said = ask(statement, MARKET_DB_URL=shared.server.url(shared.name, role))
    assert (code, prey()) == (2, before)
    assert "set MARKET_READER_URL" in said
    assert "root:" not in said
    assert shared.server.cluster.password(role) not in said


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ("IN ROLE market_reader", None),
        ("IN ROLE market_reader, pg_monitor", None),
        ("IN ROLE market_loader NOINHERIT", "test_desk can become market_loader, which may write to market."),
        ("IN ROLE market_reader, pg_read_server_files", "can become pg_read_server_files, which has rights over"),
        ("IN ROLE market_reader CREATEROLE", "test_desk may make roles"),
    ],
)
def test_a_login_of_the_users_own(shared, ask, rights, words):
    """A role that reads is enough; one that could become more is refused by name."""
    with closing(psycopg2.connect(shared.server.url(shared.name, "admin"))) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"CREATE ROLE test_desk LOGIN PASSWORD 'desk' {rights}")
        cursor.execute(f"GRANT CONNECT ON DATABASE {shared.name} TO test_desk")
        try:
            port = admin.info.port
            code, said = ask("VALUES (1)", MARKET_DB_URL=f"postgresql://test_desk:desk@127.0.0.1:{port}/{shared.name}")
        finally:
            cursor.execute("DROP OWNED BY test_desk; DROP ROLE test_desk")
    assert code == (2 if words else 0), said
    assert words is None or words in said


@pytest.mark.thorough
def test_a_second_login_reads(shared, ask):
    """MARKET_READER_URL is the login that asks where MARKET_DB_URL may do more; alone it is refused."""
    urls = {"MARKET_DB_URL": shared.url("owner"), "MARKET_READER_URL": shared.url("reader")}
    code, said = ask("SELECT session_user", **urls)
    assert (code, "market_reader" in said) == (0, True)
    code, said = ask("SELECT 1", MARKET_DB_URL=" ")
    assert (code, "MARKET_READER_URL is another login of the warehouse of MARKET_DB_URL" in said) == (2, True)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("SELECT 7 AS n;", "n 7 1 row"),
        ("  -- a question\nSELECT 'a;b' AS x, $$c;d$$ AS y", "x y a;b c;d 1 row"),
        ("VALUES (1), (2)", "2 rows"),
        ("TABLE ingest_run", "0 rows"),
        ("WITH one AS (SELECT 1 AS n) SELECT * FROM one", "1 row"),
        ("SHOW timezone", "Asia/Seoul"),
        ("EXPLAIN SELECT 1", "Result (cost="),
        ("SELECT '100%' AS share, '%s' AS form", "100% %s"),
        ("SELECT '[/bold]' AS \"[red]\"", "[red] [/bold] 1 row"),
        ("SELECT generate_series(1, 1000)", "1,000 rows"),
        ("SELECT generate_series(1, 1000000000)", "more than 1,000 rows, the first 1,000 shown"),
    ],
)
def test_questions(shared, ask, statement, shown):
    """Every kind of question is answered, markup and percent signs as they are; only what is shown is fetched."""
    code, said = ask(statement, MARKET_DB_URL=shared.url("reader"))
    assert (code, shown in said) == (0, True), said


def test_json_is_shown_as_json(shared, ask):
    """An array of the database is neither markup nor Python."""
    code, said = ask("SELECT '[null, 1]'::json AS a, '[/red]' AS b", MARKET_DB_URL=shared.url("reader"))
    assert (code, "[null, 1] [/red] 1 row" in said) == (0, True), said


def test_programs_get_csv_or_json(shared, monkeypatch, capsys):
    """Exact values on standard output, and what was left out on standard error."""
    monkeypatch.setenv("MARKET_DB_URL", shared.url("reader"))
    statement = "SELECT n, n / 4.0 AS q, NULL AS nothing FROM generate_series(1, 3) AS n"
    assert main(["sql", "--csv", statement]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["n,q,nothing", "1,0.25000000000000000000,"]
    assert main(["sql", "--json", "--rows", "2", statement]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"][1] == [2, "0.50000000000000000000", None]
    assert "the first 2 shown" in err
    assert main(["sql", "--rows", "0", statement]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["quarantine", "retry"], "Nothing is in quarantine."),
        (["quarantine", "retry", "999"], "no such row in quarantine: 999; `quarantine list` shows those there are"),
        (["adjust"], "there are no daily bars yet"),
        (["adjust", "005930"], "there are no daily bars of 005930"),
        (["adjust", "KIM"], "KIM"),
    ],
)
def test_a_command_that_has_nothing_to_do_says_so(shared, monkeypatch, capsys, words, said):
    """Silence, or "0 changed", would look like success."""
    monkeypatch.setenv("MARKET_DB_URL", shared.url("owner"))
    assert main(words) == (0 if said.startswith("Nothing") else 2)
    assert said in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT *\nFROM nowhere", "relation \"nowhere\" does not exist, in line 2 at 'nowhere'"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1 / 0", "division by zero"),
        ("SELECT $1", "there is no parameter $1"),
        ("SELECT '\udcff'", "not UTF-8"),
        ("SELECT '4713-01-01 BC'::date", "cast it to text"),
        ("SELECT 1; SELECT 2", "exactly one statement"),
        ("BEGIN", "exactly one statement: SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN"),
    ],
)
def test_a_question_that_cannot_be_answered(shared, ask, statement, words):
    """One sentence says what is wrong with it, and where."""
    code, said = ask(statement, MARKET_DB_URL=shared.url("reader"))
    assert (code, words in said) == (2, True), said
    assert "Traceback" not in said
    assert "PL/pgSQL" not in said


@pytest.mark.thorough
@pytest.mark.parametrize(
    "statement", ["SELECT pg_sleep(3600)", "SELECT set_config('statement_timeout', '0', false), pg_sleep(3600)"]
)
def test_a_statement_that_takes_too_long_is_stopped(shared, ask, statement):
    """Also one that lifts the timeout itself."""
    code, said = ask(statement, "--timeout", "1", MARKET_DB_URL=shared.url("reader"))
    assert (code, "longer than 1 s and was stopped" in said) == (2, True)
    assert ask("SELECT 1", "--timeout", "0")[0] == 2


@pytest.mark.parametrize("statement", ["SELECT session_user", *HOSTILE[:2], HOSTILE[15], HOSTILE[29]])
def test_the_embedded_server(server, ask, statement):
    """Without MARKET_DB_URL the role market_reader asks."""
    settings = {"DATA_PIPELINE_HOME": str(server.directory.parent), "KIS_APP_KEY": "k", "KIS_APP_SECRET": "s"}
    code, said = ask(statement, **settings)
    assert code == (0 if "session_user" in statement else 2)
    assert ("market_reader" in said) == (code == 0)
    assert server.running
