"""Open days are asked for once a day, whatever becomes of the answer, and differences from the calendar are told.

Facts: 22 September 2026 is a session; 24 September is Chuseok.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from data_pipeline.cli import main
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.calendar_check import check_calendar
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import (
    CalendarMismatchError,
    CircuitOpenError,
    IncompleteDataError,
    PayloadError,
)
from data_pipeline.market.records import MarketDay
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource

TUESDAY = date(2026, 9, 22)
OPEN = [MarketDay(TUESDAY + timedelta(days=number), is_open=number in (0, 1, 6)) for number in range(7)]
"""22 and 23 September, then the Monday after Chuseok."""
MARCH = date(2028, 3, 1)
WEEK = [MarketDay(MARCH + timedelta(days=number), is_open=number in (1, 5, 6)) for number in range(7)]
"""1 March 2028 is Independence Day; Friday the 3rd, a session by law, is closed by this answer."""
FRIDAY = date(2028, 3, 3)


class Exchange(MockDataSource):
    """A source that counts how often it is asked."""

    def __init__(self, answer=OPEN, error=None, sends=1, name="kis-sandbox"):
        super().__init__()
        self.name, self.answer, self.error, self.sends, self.asked = name, answer, error, sends, 0

    @property
    def requests_sent(self):
        """Requests so far."""
        return self.asked * self.sends

    def market_days(self, first):
        """Yield the answer, or fail."""
        self.asked += 1
        if self.error:
            raise self.error
        return iter(self.answer)


def check(connection, source, first=TUESDAY):
    """What the task does."""
    return check_calendar(connection, source, DATASETS["trading_session"], Window((), first, first), Run())


def test_the_second_time_costs_no_call(connection, database):
    """The same counts as when the rows had come again, and a record of the run."""
    source = Exchange()
    assert check(connection, source)["inserted"] == 7
    counts = check(connection, source)
    assert (counts["unchanged"], counts["requests"], source.asked) == (7, 0, 1)
    assert database.rows("SELECT status, requests FROM market.ingest_run ORDER BY run_id") == [
        ("success", 1), ("success", 0),
    ]  # fmt: skip


def test_another_process_does_not_ask_either(connection, database):
    """Two at the same moment: one asks, the other waits for its answer."""
    sources = [Exchange(), Exchange()]
    with database.connect() as other, ThreadPoolExecutor(2) as pool:
        done = list(pool.map(check, [connection, other], sources))
    assert sorted(source.asked for source in sources) == [0, 1]
    assert sorted(counts["inserted"] for counts in done) == [0, 7]


def test_a_difference_is_told_each_time_and_asked_for_once(connection, database):
    """What the source says stays in the warehouse, so that a cleared task compares it with the mended calendar."""
    source = Exchange([MarketDay(TUESDAY, is_open=False), *OPEN[1:]])
    for _ in range(2):
        with pytest.raises(CalendarMismatchError, match=r"1 day\(s\): 2026-09-22 \(closed by the source\)"):
            check(connection, source)
    assert source.asked == 1
    assert database.rows("SELECT is_open FROM market.trading_session WHERE day = %s", TUESDAY) == [(False,)]


def test_a_call_without_a_usable_answer_counts(connection):
    """A malformed answer was an answer: there is no second call on the same day, and the message says so."""
    source = Exchange(error=PayloadError("opnd_yn is missing"))
    with pytest.raises(PayloadError):
        check(connection, source)
    with pytest.raises(IncompleteDataError, match="tomorrow"):
        check(connection, source)
    assert source.asked == 1


def test_a_call_that_was_never_sent_does_not_count(connection):
    """The breaker rejected it, so nobody was asked yet."""
    with pytest.raises(CircuitOpenError):
        check(connection, Exchange(error=CircuitOpenError("open", 60), sends=0))
    assert check(connection, Exchange())["inserted"] == 7


def test_the_next_day_asks_again(connection, database):
    """Yesterday's call is yesterday's."""
    source = Exchange()
    check(connection, source)
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET market_day = market_day - 1")
    assert check(connection, source)["unchanged"] == 7
    assert source.asked == 2


def test_days_that_were_not_in_the_answer(connection):
    """Today's only call was about other days: an error, not silence."""
    source = Exchange()
    check(connection, source)
    with pytest.raises(IncompleteDataError, match="2026-12-01"):
        check(connection, source, date(2026, 12, 1))
    assert source.asked == 1


def test_the_lease_is_given_back(connection, database):
    """A failed check does not make the next process wait for ever."""
    with pytest.raises(PayloadError):
        check(connection, Exchange(error=PayloadError("broken")))
    assert database.rows("SELECT count(*) FROM market.lease") == [(0,)]


def test_nothing_is_locked_while_the_source_is_asked(connection, database):
    """A session lock would leak where connections are pooled, and an open transaction would hold up others."""
    held = []

    class Watched(Exchange):
        def market_days(self, first):
            held.extend(
                database.rows(
                    "SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%%'), "
                    "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') "
                    "FROM pg_stat_activity WHERE datname = current_database()"
                )
            )
            return super().market_days(first)

    check(connection, Watched())
    assert held == [(0, 0)]


def test_on_a_fixed_clock_another_day_is_asked_about(database, monkeypatch):
    """The same day again costs no call; a day of another clock was not asked about, however short ago that was."""
    source = Exchange()
    for moment, asked in (("2026-09-22T07:30", 1), ("2026-09-22T07:31", 1)):
        monkeypatch.setenv("MARKET_CLOCK", moment)
        with database.connect() as connection:
            check(connection, source)
        assert source.asked == asked
    for moment, day in (("2026-09-23T00:30", 23), ("2026-09-28T07:30", 28)):
        monkeypatch.setenv("MARKET_CLOCK", moment)
        first = date(2026, 9, day)
        source.answer, before = [MarketDay(first, is_open=True)], source.asked
        with database.connect() as connection:
            check(connection, source, first)
        assert source.asked == before + 1


@pytest.fixture
def ahead(tmp_path, monkeypatch):
    """Early in February 2028, a provisional year, with a file of corrections of its own."""
    monkeypatch.setenv("CALENDAR_CORRECTIONS", str(tmp_path / "calendar.json"))
    monkeypatch.setenv("MARKET_CLOCK", "2028-02-10T07:30")
    return tmp_path / "calendar.json"


def a_day_passes(database):
    """What was asked and loaded so far was yesterday."""
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.ingest_run SET market_day = market_day - 1")
        cursor.execute("UPDATE market.trading_session SET loaded_at = loaded_at - interval '1 day'")


def is_kept(database, day):
    """Whether the warehouse has a day among the sessions."""
    return database.rows("SELECT count(*) FROM market.calendar_session WHERE session = %s", day) == [(1,)]


def test_the_same_answer_on_two_days_corrects_a_provisional_year(connection, database, ahead):
    """The first day waits, also when it is asked again; the second corrects the calendar and the warehouse."""
    source = Exchange(WEEK, name="kis")
    for _ in range(2):
        check(connection, source, MARCH)
        assert not ahead.exists()
    a_day_passes(database)
    check(connection, source, MARCH)
    assert not krx_calendar().is_session(FRIDAY)
    assert not is_kept(database, FRIDAY)
    (entry,) = json.loads(ahead.read_text("utf-8"))["corrections"]
    assert (entry["about"], entry["entered_by"]) == ("2028-03-03", "answer")
    assert "the second 2028-02-10" in entry["source"]


def test_another_answer_on_the_second_day_corrects_nothing(connection, database, ahead):
    """A server that changes its mind is not believed; when it changes it again, it begins anew."""
    for answer in ([*WEEK[:2], MarketDay(FRIDAY, is_open=True), *WEEK[3:]], WEEK):
        check(connection, Exchange(answer, name="kis"), MARCH)
        a_day_passes(database)
    assert not ahead.exists()


def test_a_day_that_the_second_answer_lacks_waits(connection, database, ahead):
    """What was said once is no second answer because the server was asked about other days."""
    check(connection, Exchange(WEEK, name="kis"), MARCH)
    a_day_passes(database)
    check(connection, Exchange(WEEK[:2], name="kis"), MARCH)
    assert not ahead.exists()


def test_only_the_real_server_corrects(connection, database, ahead):
    """An emulator that says otherwise is an alert, on every day."""
    for _ in range(2):
        with pytest.raises(CalendarMismatchError, match=r"2028-03-03 \(closed by the source\)"):
            check(connection, Exchange(WEEK), MARCH)
        a_day_passes(database)
    assert not ahead.exists()


def test_a_published_year_never_follows_an_answer(connection, database, ahead, monkeypatch):
    """However often KIS calls a session of 2026 closed, it stays one, here and in the warehouse."""
    monkeypatch.setenv("MARKET_CLOCK", "2026-09-01T07:30")
    for _ in range(3):
        with pytest.raises(CalendarMismatchError, match="2026-09-22"):
            check(connection, Exchange([MarketDay(TUESDAY, is_open=False), *OPEN[1:]], name="kis"))
        a_day_passes(database)
    assert not ahead.exists()
    assert is_kept(database, TUESDAY)


def test_today_never_follows_an_answer(connection, database, ahead, monkeypatch):
    """On the day itself it is an alert, for rows may be on their way."""
    check(connection, Exchange(WEEK, name="kis"), MARCH)
    a_day_passes(database)
    monkeypatch.setenv("MARKET_CLOCK", "2028-03-03T07:30")
    with pytest.raises(CalendarMismatchError, match="2028-03-03"):
        check(connection, Exchange(WEEK, name="kis"), MARCH)
    assert not ahead.exists()


def test_what_a_person_took_back_stays_so(connection, database, ahead):
    """After `calendar undo` the same answer corrects nothing more, and the runs go on."""
    for _ in range(2):
        check(connection, Exchange(WEEK, name="kis"), MARCH)
        a_day_passes(database)
    assert main(["calendar", "undo", "2028-03-03"]) == 0
    check(connection, Exchange(WEEK, name="kis"), MARCH)
    assert krx_calendar().is_session(FRIDAY)
    assert is_kept(database, FRIDAY)


def test_an_answer_that_closes_everything_is_an_alert(connection, database, ahead):
    """The same on two days does not make it true: more than three days differ."""
    nothing = [MarketDay(MARCH + timedelta(days=number), is_open=False) for number in range(14)]
    check(connection, Exchange(nothing, name="kis"), MARCH)
    a_day_passes(database)
    with pytest.raises(CalendarMismatchError, match=r"9 day\(s\)"):
        check(connection, Exchange(nothing, name="kis"), MARCH)
    assert not ahead.exists()
