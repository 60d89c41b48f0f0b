"""Text that wants to be SQL, at every entry for text: refused in a sentence or kept as text, and nothing of it runs."""

from __future__ import annotations

import csv
from datetime import date, datetime

import psycopg2
import pytest

from data_pipeline import read
from data_pipeline.backfill.wish import Wish
from data_pipeline.cli import main
from data_pipeline.engine.windows import as_codes, as_date
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.checks.quarantine import keep_rejections
from data_pipeline.loading.rows.ingest_run import CountedBy, end_gone_runs, fail_run, other_stores, start_run
from data_pipeline.local.home import Home
from data_pipeline.local.quarantine import adjust
from data_pipeline.local.sql import query
from data_pipeline.market.calendar_changes import CorrectionsFile
from data_pipeline.market.calendar_corrections import CLOSED, COMMAND, Correction, read_corrections
from data_pipeline.market.calendar_file import read_closures
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar
from data_pipeline.warehouse.calendar_table import keep_sessions
from tests.support.market_rows import FRI, THU

NOW = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
BEGINNINGS = ["'; ", "005930'); ", '"; ', "\\'; ", "$$; ", "%s'; ", "{}; ", "005930; ", "’; ", "') OR 1=1; "]
STATEMENTS = [
    "DROP TABLE public.sentinel --",
    "DELETE FROM public.sentinel; COMMIT --",
    "INSERT INTO public.sentinel VALUES (2); COMMIT; SELECT '",
    "SELECT nextval('public.sentinel_number') --",
    "COMMIT; ALTER ROLE market_reader SUPERUSER --",
]
PAYLOADS = [beginning + statement for beginning in BEGINNINGS for statement in STATEMENTS]
FEW = [beginning + STATEMENTS[place % len(STATEMENTS)] for place, beginning in enumerate(BEGINNINGS)]
"""Each beginning, and each statement, for entries that take long."""
SENTINEL = """
CREATE TABLE public.sentinel AS SELECT 1 AS n; CREATE SEQUENCE public.sentinel_number;
GRANT ALL ON public.sentinel, public.sentinel_number TO PUBLIC
"""
STATE = """
SELECT (SELECT array_agg(n) FROM public.sentinel), (SELECT is_called FROM public.sentinel_number),
       (SELECT array_agg(a::text ORDER BY rolname) FROM pg_authid AS a), (SELECT count(*) FROM pg_class),
       (SELECT count(*) FROM pg_proc)
"""


def of_range(reader, *before):
    """Return the entries of a reader of a range: its days, and its codes if it takes them."""
    return {
        "first": lambda text, c: reader(*before, text, FRI, complete=False, connection=c),
        "last": lambda text, c: reader(*before, THU, text, complete=False, connection=c),
        "codes": lambda text, c: reader([text], THU, FRI, complete=False, connection=c),
    }


READERS = {
    "daily_bars": (read.daily_bars, None), "minute_bars": (read.minute_bars, None),
    "price_snapshots": (read.price_snapshots, None), "order_books": (read.order_books, None),
    "investor_flows": (read.investor_flows, None),
}  # fmt: skip
REFUSED = {
    **{f"{name} {entry}": ask for name, one in READERS.items() for entry, ask in of_range(*one).items()},
    "index_bars first": lambda text, c: read.index_bars(text, FRI, complete=False, connection=c),
    "index_bars last": lambda text, c: read.index_bars(THU, text, complete=False, connection=c),
    "daily_bars one code": lambda text, c: read.daily_bars(text, THU, FRI, complete=False, connection=c),
    "daily_bars as_of": lambda text, c: read.daily_bars(None, THU, FRI, as_of=text, complete=False, connection=c),
    "frame dataset": lambda text, c: read.frame(text, None, THU, FRI, complete=False, connection=c),
    "frame codes": lambda text, c: read.frame("daily_bar", [text], THU, FRI, complete=False, connection=c),
    "instruments on": lambda text, c: read.instruments(text, connection=c),
    "trading_sessions first": lambda text, c: read.trading_sessions(text, FRI, connection=c),
    "trading_sessions last": lambda text, c: read.trading_sessions(THU, text, connection=c),
    "coverage first": lambda text, c: read.coverage(text, FRI, connection=c),
    "coverage last": lambda text, c: read.coverage(THU, text, connection=c),
    "coverage dataset": lambda text, c: read.coverage(THU, FRI, text, connection=c),
    "backfill dataset": lambda text, _: Wish(text, (), THU),
    "codes of a form": lambda text, _: as_codes(text),
    "a code of a list": lambda text, _: as_codes([text]),
    "a day of a form": lambda text, _: as_date(text, "--first"),
    "adjust": lambda text, c: adjust({"MARKET_DB_URL": c}, [text]),
}
"""Entries whose text has a form that no payload has."""
KEPT = {
    "dag_id": lambda text, c: start_run(c, "daily_bar", "mock", text, "task", "key"),
    "task_id": lambda text, c: start_run(c, "daily_bar", "mock", "dag", text, "key"),
    "run_key": lambda text, c: start_run(c, "daily_bar", "mock", "dag", "task", text),
    "error": lambda text, c: fail_run(c, start_run(c, "daily_bar", "mock"), text),
    "store": lambda text, c: start_run(c, "daily_bar", "mock", counted=CountedBy([text], text, text)),
    "key": lambda text, c: other_stores(c, CountedBy([text], text, text)),
    "dataset": lambda text, c: end_gone_runs(c, text),
    "reason": lambda text, c: keep_rejections(c, "daily_bar", "mock", [Rejection({"reason": text}, text)]),
    "payload": lambda text, c: keep_rejections(c, "daily_bar", "mock", [Rejection({"name": text, text: 1}, "odd")]),
    "rejected code": lambda text, c: keep_rejections(c, "daily_bar", "mock", [Rejection({}, "odd", text)]),
}
"""Entries for any text, which is stored or compared as it is."""


@pytest.fixture(scope="module")
def guarded(shared):
    """A database with something to destroy, and the fixed answer to whether it still stands."""
    with shared.connect("admin") as connection, connection, connection.cursor() as cursor:
        cursor.execute(SENTINEL)

    def state():
        with shared.connect("admin") as connection, connection.cursor() as cursor:
            cursor.execute(STATE)
            return cursor.fetchone()

    before = state()
    yield shared
    assert state() == before


def outcome(ask, text, connection):
    """Return what came of one payload: refused, kept, or what the server said, which it should not have been asked."""
    try:
        ask(text, connection)
    except DataPipelineError as error:
        return "refused" if "syntax error" not in str(error) else str(error)
    except psycopg2.Error as error:
        return repr(error)
    return "kept"


def test_text_with_a_form_is_refused(guarded):
    """Codes, days and names of datasets: 50 payloads at each entry, none of which reaches a statement."""
    with guarded.connect("owner") as connection:
        place = {"adjust": guarded.url("owner")}
        wrong = {
            (entry, text): said
            for entry, ask in REFUSED.items()
            for text in PAYLOADS
            if (said := outcome(ask, text, place.get(entry, connection))) != "refused"
        }
    assert wrong == {}


def test_any_other_text_is_data(guarded):
    """Names of runs, errors, reasons and payloads come back as they went in, and nothing else is written."""
    with guarded.connect("loader") as connection:
        wrong = {
            (entry, text): said
            for entry, ask in KEPT.items()
            for text in PAYLOADS
            if (said := outcome(ask, text, connection)) not in ("kept", "refused")
        }
        assert wrong == {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT dag_id, task_id, run_key, error FROM market.ingest_run")
            runs = {text for row in cursor.fetchall() for text in row if text is not None}
            cursor.execute("SELECT reason FROM market.rejected_row")
            reasons = {reason for (reason,) in cursor.fetchall()}
        connection.rollback()
    assert runs >= {*PAYLOADS}
    assert reasons >= {*PAYLOADS}


def test_a_question_that_holds_more_than_one_statement(guarded, tmp_path):
    """`sql` takes one statement that reads: the payload behind a harmless beginning runs nothing."""
    environ = {"MARKET_DB_URL": guarded.url("reader")}
    for statement in STATEMENTS:
        with pytest.raises(DataPipelineError):
            query(Home(tmp_path), environ, f"SELECT 1; {statement}", 5, 10)


CALENDAR_DAYS = {
    "close": ["a holiday", "--source", "a notice"], "open": ["--source", "a notice"], "late": ["--source", "a notice"],
    "year": ["closed-days.csv", "--source", "a notice"], "show": [], "undo": [],
}  # fmt: skip
"""What follows the day or the year of `data-pipeline calendar`."""


@pytest.mark.parametrize("command", CALENDAR_DAYS)
def test_a_day_of_the_calendar_command_is_a_day(guarded, capsys, command):
    """Payloads in place of the day or the year: each is refused before anything is opened."""
    for text in FEW:
        with pytest.raises(SystemExit) as ended:
            main(["calendar", command, text, *CALENDAR_DAYS[command]])
        assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("error: argument") == len(FEW)


def test_names_and_sources_of_the_calendar_command_are_data(guarded, tmp_path):
    """Each payload as the name of a closed day, as where it was read, and as a name in the CSV file of a year."""
    holiday = date(2026, 11, 18)
    with guarded.connect("loader") as connection:
        for number, text in enumerate(FEW):
            file = CorrectionsFile(tmp_path / f"{number}.json", NOW, lambda days: None)
            file.enter(Correction(holiday.isoformat(), CLOSED, text, COMMAND, NOW.isoformat(), name=text))
            (entered,) = read_corrections(file.path).entries
            assert (entered.name, entered.source) == (text, text)
            keep_sessions(connection, TradingCalendar(file.facts()))
            connection.rollback()
            closures = tmp_path / f"{number}.csv"
            with closures.open("w", encoding="utf-8", newline="") as lines:
                csv.writer(lines).writerow([holiday.isoformat(), text])
            assert read_closures(closures, holiday.year) == {f"{holiday:%m-%d}": text}


def test_there_are_two_thousand(guarded):
    """Payloads times entries."""
    assert len(PAYLOADS) * (len(REFUSED) + len(KEPT)) >= 2_000
